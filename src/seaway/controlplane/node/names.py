"""What a container is told of names: its tables of hosts and resolvers, and variables of services. Pure.

Source: Kubernetes documentation, "DNS for Services and Pods" and "Services", "Environment variables"; KEP-1797.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

Object = Mapping[str, Any]
_CLUSTER = ("ClusterFirst", "ClusterFirstWithHostNet")
_LONGEST_HOSTNAME = 63


class Neighbours(Protocol):
    """What a node asks of the cluster's network. Implemented by `seaway.controlplane.network`, by structure."""

    domain: str
    """What the names of all services end with."""
    name_server: str
    """Address of the cluster's DNS server; empty for none."""

    def services(self, place: str) -> list[dict[str, Any]]:
        """Return the services that pods of a namespace get variables of."""
        ...

    def hosts(self, place: str) -> str:
        """Return the table of hosts for pods of a namespace; empty where a DNS server answers."""
        ...

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call a function whenever tables of hosts may have changed; return what ends that."""
        ...


def asks_cluster(pod: Object) -> bool:
    """Tell whether a pod finds services by name."""
    return pod["spec"].get("dnsPolicy", "ClusterFirst") in _CLUSTER


def host_names(pod: Object, domain: str) -> tuple[str, str]:
    """Return a pod's hostname and its full name, which is empty where it has no subdomain."""
    spec = pod["spec"]
    short = (spec.get("hostname") or pod["metadata"]["name"])[:_LONGEST_HOSTNAME].rstrip("-.")
    place = pod["metadata"]["namespace"]
    full = f"{short}.{spec['subdomain']}.{place}.svc.{domain}" if spec.get("subdomain") and domain else ""
    return (full if full and spec.get("setHostnameAsFQDN") else short), full


def hosts_table(pod: Object, address: str, domain: str = "", table: str = "") -> str:
    """Return the text of a container's /etc/hosts.

    Args:
        pod: with its hostname, subdomain and aliases.
        address: of the pod.
        domain: of the cluster's names; empty for none.
        table: the cluster's names, where no DNS server answers.
    """
    hostname, full = host_names(pod, domain)
    short = hostname.split(".")[0] if full else hostname
    lines = ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"]
    lines.append(f"{address}\t{full}\t{short}" if full else f"{address}\t{hostname}")
    lines += [
        f"{a['ip']}\t" + "\t".join(a.get("hostnames") or ()) for a in pod["spec"].get("hostAliases") or ()
    ]
    return "\n".join(lines) + "\n" + (table if asks_cluster(pod) else "")


def resolver(pod: Object, host: str, name_server: str, domain: str) -> str:
    """Return the text of a container's /etc/resolv.conf.

    Args:
        pod: with its dnsPolicy and dnsConfig.
        host: the machine's resolv.conf.
        name_server: the cluster's; empty for none.
        domain: of the cluster's names.
    """
    servers, searches, options = _parsed(host)
    policy = pod["spec"].get("dnsPolicy", "ClusterFirst")
    if policy == "None":
        servers, searches, options = [], [], {}
    elif policy in _CLUSTER and name_server:
        place = pod["metadata"]["namespace"]
        servers = [name_server]
        searches = [f"{place}.svc.{domain}", f"svc.{domain}", domain, *searches]
        options = {"ndots": "5"}
    config = pod["spec"].get("dnsConfig") or {}
    servers += config.get("nameservers") or []
    searches += config.get("searches") or []
    options |= {option["name"]: option.get("value") or "" for option in config.get("options") or ()}
    lines = [f"nameserver {server}" for server in dict.fromkeys(servers)]
    lines += [f"search {' '.join(dict.fromkeys(searches))}"] if searches else []
    shown = [f"{name}:{value}" if value else name for name, value in options.items()]
    lines += [f"options {' '.join(shown)}"] if shown else []
    return "".join(f"{line}\n" for line in lines)


def _parsed(text: str) -> tuple[list[str], list[str], dict[str, str]]:
    servers: list[str] = []
    searches: list[str] = []
    options: dict[str, str] = {}
    for words in (line.split() for line in text.splitlines()):
        if words[:1] == ["nameserver"] and len(words) > 1:
            servers.append(words[1])
        elif words[:1] in (["search"], ["domain"]):
            searches = [word for word in words[1:] if word != "."]
        elif words[:1] == ["options"]:
            options |= {name: value for name, _, value in (word.partition(":") for word in words[1:])}
    return servers, searches, options


def switch(host: str) -> str:
    """Return a machine's nsswitch.conf with which programs look for hosts in their own tables, then ask their resolver.

    A resolver of the whole machine (systemd's) knows nothing of the cluster's names.
    """
    kept = [line for line in host.splitlines() if not line.split("#")[0].strip().startswith("hosts:")]
    return "\n".join([*kept, "hosts: files dns"]) + "\n"


def link_variables(services: Iterable[Object], *, all_of_namespace: bool) -> dict[str, str]:
    """Return the variables by which programs find services.

    Args:
        services: those of the pod's namespace, and the API server's.
        all_of_namespace: False for the API server's alone (enableServiceLinks: false).
    """
    found: dict[str, str] = {}
    for service in services:
        metadata, spec = service["metadata"], service["spec"]
        master = (metadata["namespace"], metadata["name"]) == ("default", "kubernetes")
        if master or all_of_namespace:
            found |= _links(_variable(metadata["name"]), spec["clusterIP"], spec.get("ports") or ())
    return found


def _links(prefix: str, address: str, ports: Iterable[Object]) -> dict[str, str]:
    found: dict[str, str] = {f"{prefix}_SERVICE_HOST": address}
    for at, port in enumerate(ports):
        number, protocol = str(port["port"]), port.get("protocol", "TCP")
        url = f"{protocol.lower()}://{address}:{number}"
        if at == 0:
            found |= {f"{prefix}_SERVICE_PORT": number, f"{prefix}_PORT": url}
        if port.get("name"):
            found[f"{prefix}_SERVICE_PORT_{_variable(port['name'])}"] = number
        link = f"{prefix}_PORT_{number}_{protocol}"
        found |= {
            link: url,
            f"{link}_PROTO": protocol.lower(),
            f"{link}_PORT": number,
            f"{link}_ADDR": address,
        }
    return found


def _variable(name: str) -> str:
    return name.replace("-", "_").upper()
