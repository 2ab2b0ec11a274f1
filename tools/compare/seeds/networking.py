"""What leads to pods: endpoints, ingresses and their classes, network policies."""

from __future__ import annotations

from typing import Any

from seaway.objects import builtin
from seaway.objects.resource import Resource

Object = dict[str, Any]
BACKEND: Object = {"service": {"name": "web", "port": {"number": 80}}}
BY_NAME: Object = {"service": {"name": "web", "port": {"name": "http"}}}
ELSEWHERE: Object = {"resource": {"apiGroup": "example.com", "kind": "Bucket", "name": "static"}}

NETWORKING: dict[Resource, list[Object]] = {
    builtin.ENDPOINTS: [
        {"metadata": {"name": "none"}},
        {
            "metadata": {"name": "two", "labels": {"app": "web"}},
            "subsets": [
                {
                    "addresses": [
                        {"ip": "10.1.2.3", "hostname": "one", "nodeName": "n"},
                        {"ip": "10.1.2.4", "targetRef": {"kind": "Pod", "name": "p", "namespace": "default"}},
                    ],
                    "notReadyAddresses": [{"ip": "10.1.2.5"}],
                    "ports": [{"name": "http", "port": 80}, {"name": "dns", "port": 53, "protocol": "UDP"}],
                }
            ],
        },
    ],
    builtin.ENDPOINT_SLICES: [
        {"metadata": {"name": "none"}, "addressType": "IPv4", "endpoints": []},
        {
            "metadata": {"name": "two", "labels": {"kubernetes.io/service-name": "web"}},
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": 80, "appProtocol": "http"}, {"name": "any"}],
            "endpoints": [
                {
                    "addresses": ["10.1.2.3"],
                    "conditions": {"ready": True, "serving": True, "terminating": False},
                    "hostname": "one",
                    "nodeName": "n",
                    "zone": "a",
                    "hints": {"forZones": [{"name": "a"}]},
                },
                {
                    "addresses": ["10.1.2.4"],
                    "targetRef": {"kind": "Pod", "name": "p", "namespace": "default"},
                },
            ],
        },
        {
            "metadata": {"name": "names"},
            "addressType": "FQDN",
            "endpoints": [{"addresses": ["example.com"]}],
        },
    ],
    builtin.INGRESSES: [
        {"metadata": {"name": "all"}, "spec": {"defaultBackend": BACKEND}},
        {
            "metadata": {"name": "rules", "annotations": {"a": "b"}},
            "spec": {
                "ingressClassName": "seaway",
                "tls": [{"hosts": ["a.example.com"], "secretName": "cert"}],
                "rules": [
                    {
                        "host": "a.example.com",
                        "http": {
                            "paths": [
                                {"path": "/", "pathType": "Prefix", "backend": BACKEND},
                                {"path": "/exact", "pathType": "Exact", "backend": BY_NAME},
                                {"pathType": "ImplementationSpecific", "backend": ELSEWHERE},
                            ]
                        },
                    },
                    {
                        "host": "*.example.com",
                        "http": {"paths": [{"path": "/x", "pathType": "Prefix", "backend": BACKEND}]},
                    },
                    {"host": "bare.example.com"},
                ],
            },
        },
    ],
    builtin.INGRESS_CLASSES: [
        {"metadata": {"name": "plain"}, "spec": {"controller": "example.com/controller"}},
        {
            "metadata": {"name": "settings"},
            "spec": {
                "controller": "example.com/controller",
                "parameters": {
                    "apiGroup": "example.com",
                    "kind": "Settings",
                    "name": "x",
                    "scope": "Namespace",
                    "namespace": "default",
                },
            },
        },
    ],
    builtin.NETWORK_POLICIES: [
        {"metadata": {"name": "none"}, "spec": {"podSelector": {}}},
        {
            "metadata": {"name": "some"},
            "spec": {
                "podSelector": {"matchLabels": {"app": "web"}},
                "policyTypes": ["Ingress", "Egress"],
                "ingress": [
                    {
                        "from": [
                            {"podSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}},
                            {"namespaceSelector": {"matchLabels": {"team": "a"}}},
                            {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
                        ],
                        "ports": [
                            {"port": 80},
                            {"protocol": "TCP", "port": 8000, "endPort": 8010},
                            {"port": "http"},
                        ],
                    }
                ],
                "egress": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}, {}],
            },
        },
    ],
}
