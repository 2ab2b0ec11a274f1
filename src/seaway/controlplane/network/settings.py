"""How the cluster's network is served. Everything here is a parameter: nothing is read from the environment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """Where services, names and Ingresses are answered."""

    service_network: str = "127.96.0.0/16"
    """Cluster addresses of Services."""
    pod_network: str = "127.66.0.0/16"
    """Addresses of pods; names of these are answered here too."""
    domain: str = "cluster.local"
    """What the names of all services end with."""
    dns: bool = True
    """Whether a DNS server answers pods where its port can be opened; else they get tables of hosts."""
    node_port_address: str = "127.0.0.1"
    """Where node ports and Ingresses are opened: nobody outside this machine reaches them unless this is changed."""
    ingress_port: int = 0
    """TCP port of Ingresses (HTTP); 0: any free one, which their status names. It is opened when there is an Ingress."""
    ingress_tls_port: int = 0
    """The same for those with TLS."""
    retry_seconds: float = 5.0
    """How often an address that another program holds is tried again."""

    @property
    def name_server(self) -> str:
        """Address of the DNS server: the tenth of the services', as is usual."""
        return self.service_network.rsplit(".", 2)[0] + ".0.10"
