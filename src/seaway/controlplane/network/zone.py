"""Decide, purely, what the names of services and pods stand for.

Source: the specification "Kubernetes DNS-Based Service Discovery", version 1.1.0.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from seaway.controlplane.network.balance import EXTERNAL_NAME, has_address
from seaway.objects.meta import name, namespace

Object = Mapping[str, Any]
A, PTR, CNAME, SRV, ANY = "A", "PTR", "CNAME", "SRV", "ANY"


class Record(NamedTuple):
    """One line of an answer."""

    owner: str
    kind: str
    text: str
    """As zone files have it."""


class Answer(NamedTuple):
    """What is known of a name."""

    exists: bool
    records: tuple[Record, ...] = ()


class Zone(NamedTuple):
    """The names of one cluster."""

    domain: str
    service: Callable[[str], Object | None]
    """Finds a service by "namespace/name"."""
    slices: Callable[[str], Iterable[Object]]
    """Finds its slices."""
    has_namespace: Callable[[str], bool]
    services: Callable[[], Iterable[Object]]
    pods: ipaddress.IPv4Network

    def answer(self, asked: str, kind: str) -> Answer:
        """Return what a name of the zone stands for.

        Args:
            asked: lower case, without a dot at the end.
            kind: of record, for example "A".
        """
        if asked == self.domain:
            return Answer(exists=True)
        labels = asked.removesuffix(f".{self.domain}").split(".")
        if labels[-1] == "svc":
            return self._below_services(asked, labels[:-1], kind)
        if labels[-1] == "pod" and len(labels) == 3:
            return self._pod(asked, labels[0], labels[1], kind)
        return Answer(exists=labels[-1] == "pod" and (len(labels) == 1 or self.has_namespace(labels[-2])))

    def _below_services(self, asked: str, labels: list[str], kind: str) -> Answer:
        if len(labels) < 2:
            return Answer(exists=not labels or self.has_namespace(labels[0]))
        key = f"{labels[-1]}/{labels[-2]}"
        service = self.service(key)
        if service is None:
            return Answer(exists=False)
        rest = labels[:-2]
        if service["spec"].get("type") == EXTERNAL_NAME:
            target = str(service["spec"]["externalName"]).rstrip(".")
            return Answer(not rest, (Record(asked, CNAME, f"{target}."),) if not rest else ())
        if not rest:
            found = [service["spec"]["clusterIP"]] if has_address(service) else self._addresses(key)
            return Answer(exists=True, records=_addresses(asked, found, kind))
        if rest[-1] in ("_tcp", "_udp") and len(rest) == 2:
            return self._ports(asked, service, rest[0][1:], rest[1][1:].upper(), kind)
        if len(rest) == 1 and not has_address(service):
            found = [a for a, host in self._endpoints(key) if host == rest[0]]
            return Answer(exists=bool(found), records=_addresses(asked, found, kind))
        return Answer(exists=False)

    def _pod(self, asked: str, dashed: str, place: str, kind: str) -> Answer:
        try:
            address = ipaddress.IPv4Address(dashed.replace("-", "."))
        except ValueError:
            return Answer(exists=False)
        if address not in self.pods or not self.has_namespace(place):
            return Answer(exists=False)
        return Answer(exists=True, records=_addresses(asked, [str(address)], kind))

    def _endpoints(self, key: str) -> list[tuple[str, str]]:
        """Return address and name of each endpoint that is ready."""
        found = [
            (endpoint["addresses"][0], endpoint.get("hostname") or endpoint["addresses"][0].replace(".", "-"))
            for one in self.slices(key)
            for endpoint in one.get("endpoints") or ()
            if (endpoint.get("conditions") or {}).get("ready") is not False
        ]
        return sorted(set(found))

    def _addresses(self, key: str) -> list[str]:
        return [address for address, _ in self._endpoints(key)]

    def _ports(self, asked: str, service: Object, port: str, protocol: str, kind: str) -> Answer:
        base = f"{name(service)}.{namespace(service)}.svc.{self.domain}"
        named = [
            p
            for p in service["spec"].get("ports") or ()
            if p.get("name") == port and p.get("protocol", "TCP") == protocol
        ]
        if not named:
            return Answer(exists=False)
        if has_address(service):
            records = [Record(asked, SRV, f"0 100 {named[0]['port']} {base}.")]
            extra = [Record(base, A, service["spec"]["clusterIP"])]
        else:
            records, extra = self._headless_ports(asked, service, port, base)
        return Answer(exists=True, records=tuple(records + extra) if kind in (SRV, ANY) else ())

    def _headless_ports(
        self, asked: str, service: Object, port: str, base: str
    ) -> tuple[list[Record], list[Record]]:
        key = f"{namespace(service)}/{name(service)}"
        number = {
            p["port"] for one in self.slices(key) for p in one.get("ports") or () if p.get("name") == port
        }
        hosts = self._endpoints(key)
        records = [
            Record(asked, SRV, f"0 100 {n} {host}.{base}.") for n in sorted(number) for _, host in hosts
        ]
        return records, [Record(f"{host}.{base}", A, address) for address, host in hosts]

    def reverse(self, address: str) -> str | None:
        """Return the name of an address, None where it is nobody's."""
        for service in self.services():
            base = f"{name(service)}.{namespace(service)}.svc.{self.domain}"
            if service["spec"].get("clusterIP") == address:
                return base
            if not has_address(service) and service["spec"].get("type") != EXTERNAL_NAME:
                for found, host in self._endpoints(f"{namespace(service)}/{name(service)}"):
                    if found == address:
                        return f"{host}.{base}"
        return None

    def hosts(self, place: str) -> str:
        """Return all names as a table of hosts, for pods of a namespace: what a name server would answer.

        Names are in it that pods of the namespace may use short. A headless service has a line for each ready pod.
        """
        lines = []
        for service in sorted(self.services(), key=lambda one: (namespace(one), name(one))):
            if service["spec"].get("type") == EXTERNAL_NAME:
                continue
            key = f"{namespace(service)}/{name(service)}"
            if has_address(service):
                lines.append(f"{service['spec']['clusterIP']}\t{self._names(service, '', place)}")
                continue
            for address, host in self._endpoints(key):
                lines.append(f"{address}\t{self._names(service, f'{host}.', place)}")
                lines.append(f"{address}\t{self._names(service, '', place)}")
        return "\n".join(lines) + "\n" if lines else ""

    def _names(self, service: Object, prefix: str, place: str) -> str:
        base = f"{prefix}{name(service)}"
        below = f"{base}.{namespace(service)}"
        names = [f"{below}.svc.{self.domain}", f"{below}.svc", below]
        return " ".join([*names, base] if namespace(service) == place else names)


def _addresses(asked: str, found: Iterable[str], kind: str) -> tuple[Record, ...]:
    return tuple(Record(asked, A, address) for address in found) if kind in (A, ANY) else ()
