"""Cluster addresses of Services: picked from one range, never twice at a time."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from seaway.controlplane.apiserver.admission import Attributes
from seaway.controlplane.kinds import faults
from seaway.controlplane.kinds.service_validation import cluster_address_faults, needs_health_check
from seaway.objects.builtin import SERVICES
from seaway.objects.errors import ServiceUnavailable, invalid

Object = dict[str, Any]
NODE_PORTS = range(30000, 32768)
_KEPT_NODE_PORTS = 86
_KEPT_ADDRESSES = 256
"""So many from the first are given last: people choose theirs there. Source: KEP-3668, KEP-3070."""


class ServiceAddresses:
    """An admission step that gives Services their cluster address.

    The services that live are the book of what is taken: nothing has to be released. Addresses given to creates that
    are still on their way to the disk are remembered until the next one.

    Args:
        network: for example "127.96.0.0/16"; the first address is the API server's.
    """

    def __init__(self, network: str) -> None:
        self._network = ipaddress.ip_network(network)
        self._pending: dict[str, str] = {}
        self._next = min(_KEPT_ADDRESSES, max(16, self._network.num_addresses // 16))
        self._next_port = _KEPT_NODE_PORTS
        self._kept = (self.first, str(self._network[10]))
        """Never given away: the `kubernetes` Service's, and that of the name server."""

    @property
    def first(self) -> str:
        """The address of the `kubernetes` Service."""
        return str(self._network[1])

    def __call__(self, attributes: Attributes) -> None:
        """Fill in clusterIP, clusterIPs and node ports of a Service. Raises Invalid for an address that is taken."""
        if attributes.operation == "DELETE" or attributes.subresource or not attributes.is_a(SERVICES):
            return
        spec = attributes.object.setdefault("spec", {})
        if spec.get("type") == "ExternalName":
            return
        if not attributes.object["metadata"].get("name"):
            detail = "name or generateName is required"
            raise invalid("", "Service", "", [faults.required("metadata.name", detail)])
        if spec.get("clusterIP") and not spec.get("clusterIPs"):
            spec["clusterIPs"] = [spec["clusterIP"]]
        if wrong := cluster_address_faults(spec):
            raise invalid("", "Service", attributes.name, wrong)
        services = attributes.lookup.list(SERVICES)
        _set_families(spec)
        self._assign_address(attributes, spec, services)
        balanced = spec.get("type") == "LoadBalancer"
        _check_node_ports(attributes, spec, services)
        if spec.get("type") == "NodePort" or (balanced and spec.get("allocateLoadBalancerNodePorts")):
            self._assign_node_ports(spec, services)
        if needs_health_check(spec) and not spec.get("healthCheckNodePort"):
            spec["healthCheckNodePort"] = self._free_node_port(spec, services)

    def _assign_address(self, attributes: Attributes, spec: Object, services: Iterable[Object]) -> None:
        wanted = spec.get("clusterIP")
        if wanted == "None":
            spec["clusterIPs"] = ["None"]
            return
        key = f"{attributes.namespace}/{attributes.name}"
        taken = {service["spec"].get("clusterIP"): _key(service) for service in services}
        taken |= {
            address: owner
            for address, owner in self._pending.items()
            if address not in taken and owner != key
        }
        if wanted:
            if taken.get(wanted, key) != key:
                self._refuse(attributes, wanted, "provided IP is already allocated")
            elif not self._contains(wanted):
                detail = f"the provided network does not match the current range {self._network}"
                self._refuse(attributes, wanted, f"provided IP is not in the valid range. {detail}")
        else:
            spec["clusterIP"] = self._pick(taken, key, dry_run=attributes.dry_run)
        spec["clusterIPs"] = [spec["clusterIP"], *(spec.get("clusterIPs") or [])[1:]]

    def _contains(self, address: str) -> bool:
        try:
            return ipaddress.ip_address(address) in self._network
        except ValueError:
            return False

    def _pick(self, taken: dict[str, str], key: str, *, dry_run: bool) -> str:
        size = self._network.num_addresses - 2
        for _ in range(size):
            address = str(self._network[1 + self._next % size])
            self._next += 1
            if address not in taken and address not in self._kept:
                if not dry_run:
                    if len(self._pending) > 64:
                        self._pending.pop(next(iter(self._pending)))
                    self._pending[address] = key
                return address
        raise ServiceUnavailable(
            f"all addresses of {self._network} are taken: delete Services that are not needed"
        )

    def _assign_node_ports(self, spec: Object, services: Iterable[Object]) -> None:
        """Give every port without one a node port; ports of one number share it, one for each protocol."""
        for port in spec.get("ports") or ():
            if port.get("nodePort"):
                continue
            shared = [
                p.get("nodePort")
                for p in spec["ports"]
                if p is not port and p.get("port") == port.get("port")
            ]
            protocols = {
                p.get("protocol") for p in spec["ports"] if p.get("nodePort") in shared and p.get("nodePort")
            }
            if any(shared) and port.get("protocol") not in protocols:
                port["nodePort"] = next(number for number in shared if number)
            else:
                port["nodePort"] = self._free_node_port(spec, services)

    def _free_node_port(self, spec: Object, services: Iterable[Object]) -> int:
        """Return one that nobody has; each time a later one, because creates of this moment are not among the services yet."""
        specs = [spec, *(service["spec"] for service in services)]
        taken = {port.get("nodePort") for one in specs for port in one.get("ports") or ()}
        taken |= {one.get("healthCheckNodePort") for one in specs}
        for _ in NODE_PORTS:
            number = NODE_PORTS[self._next_port % len(NODE_PORTS)]
            self._next_port += 1
            if number not in taken:
                return number
        raise ServiceUnavailable("all node ports are taken: delete Services that are not needed")

    def _refuse(self, attributes: Attributes, address: str, why: str) -> None:
        cause = faults.invalid("spec.clusterIPs", [address], f"failed to allocate IP {address}: {why}")
        raise invalid("", "Service", attributes.name, [cause])


def _key(service: Object) -> str:
    metadata = service["metadata"]
    return f"{metadata.get('namespace')}/{metadata.get('name')}"


def _set_families(spec: Object) -> None:
    """Fill in the families: of this network, and of both where a headless service without selector names none."""
    anywhere = spec.get("clusterIP") == "None" and not spec.get("selector")
    policy = spec.setdefault("ipFamilyPolicy", "RequireDualStack" if anywhere else "SingleStack")
    families = spec["ipFamilies"] = spec.get("ipFamilies") or ["IPv4"]
    if anywhere and policy != "SingleStack" and len(families) == 1:
        families.append("IPv6" if families[0] == "IPv4" else "IPv4")


def _check_node_ports(attributes: Attributes, spec: Object, services: Iterable[Object]) -> None:
    """Refuse node ports asked for that are out of range or another service's. Raises Invalid."""
    own = _key(attributes.object)
    taken = {
        (port.get("nodePort"), port.get("protocol"))
        for service in services
        if _key(service) != own
        for port in service["spec"].get("ports") or ()
    }
    exposed = spec.get("type") in ("NodePort", "LoadBalancer")
    for index, port in enumerate((spec.get("ports") or ()) if exposed else ()):
        number = port.get("nodePort") or 0
        why = ""
        if number and number not in NODE_PORTS:
            valid = f"{NODE_PORTS.start}-{NODE_PORTS.stop - 1}"
            why = f"provided port is not in the valid range. The range of valid ports is {valid}"
        elif number and (number, port.get("protocol")) in taken:
            why = "provided port is already allocated"
        if why:
            cause = faults.invalid(f"spec.ports[{index}].nodePort", number, why)
            raise invalid("", "Service", attributes.name, [cause])
