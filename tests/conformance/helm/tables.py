"""Values that are tried: each row once with Helm and once with `seaway install`."""

from __future__ import annotations

from typing import Any

IMAGE = "registry.example.com/seaway:1"
SHARED = {"database": {"secret": "db"}, "artifacts": {"url": "s3://bucket/seaway", "secret": "s3"}}

GOOD: dict[str, dict[str, Any]] = {
    "least": {},
    "two replicas": {"replicas": 2, **SHARED},
    "PostgreSQL, files on the volume": {"database": {"secret": "db", "key": "dsn"}},
    "SQLite, object storage": {"artifacts": {"url": "s3://bucket"}},
    "compatible object storage": {
        "artifacts": {"url": "s3://b/p", "endpoint": "https://minio.example.com:9000", "region": "eu-1", "secret": "s"}
    },
    "existing claim": {"storage": {"existingClaim": "data"}},
    "own volume": {"storage": {"size": "1.5Ti", "className": "fast"}},
    "given certificate": {"tls": {"secret": "tls"}, "url": "https://seaway.example.com/"},
    "public certificate": {"tls": {"secret": "tls", "public": True}, "url": "https://seaway.example.com"},
    "further names": {"tls": {"names": ["seaway.example.com", "seaway.internal"]}},
    "given token": {"token": {"secret": "t"}},
    "annotated for Prometheus": {"metrics": {"annotations": True}, "service": {"annotations": {"a/b": "true"}}, "port": 9443},
    "service monitor": {
        "metrics": {"serviceMonitor": {"enabled": True, "tokenSecret": "m", "labels": {"release": "prometheus"}, "interval": "1m"}}
    },
    "service monitor of a public certificate": {
        "metrics": {"serviceMonitor": {"enabled": True, "tokenSecret": "m", "tokenKey": "k"}},
        "tls": {"secret": "tls", "public": True}, "url": "https://seaway.example.com:444/",
    },
    "nothing generated": {"tls": {"secret": "tls"}, "token": {"secret": "t"}},
    "load balancer": {"service": {"type": "LoadBalancer", "port": 8443, "annotations": {"a/b": "true", "c": "1"}}},
    "ingress": {"ingress": {"enabled": True, "host": "seaway.example.com"}},
    "ingress of another class": {
        "ingress": {
            "enabled": True, "host": "seaway.example.com", "className": "traefik", "tlsSecret": "front",
            "annotations": {"nginx.ingress.kubernetes.io/proxy-buffering": "on", "x": "y"},
        }
    },
    "ingress without an annotation": {
        "ingress": {"enabled": True, "host": "h", "annotations": {"nginx.ingress.kubernetes.io/proxy-body-size": None}}
    },
    "network policy": {"networkPolicy": {"enabled": True}},
    "network policy with peers": {
        "networkPolicy": {"enabled": True, "from": [{"namespaceSelector": {"matchLabels": {"a": "b"}}}]}
    },
    "nodes": {"rbac": {"nodes": True}},
    "workspaces": {"rbac": {"workspaces": True, "nodes": True, "metrics": True}},
    "rights from somebody else": {"rbac": {"create": False}, "serviceAccount": {"name": "given"}},
    "account with a role": {"serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/x"}}},
    "nodes for a given account": {"rbac": {"nodes": True}, "serviceAccount": {"name": "given"}},
    "platform chooses the user": {"runAsUser": None},
    "another user": {"runAsUser": 1000},
    "resources": {"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "4", "memory": None}}},
    "no resources": {"resources": {"requests": None, "limits": None}},
    "variables": {"env": {"HTTPS_PROXY": "http://proxy:3128", "A": "tr: ue", "NUMBER": "1"}},
    "placement": {
        "nodeSelector": {"disk": "ssd"}, "priorityClassName": "high",
        "tolerations": [{"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}],
    },
    "pods": {"podAnnotations": {"prometheus.io/scrape": "false"}, "tls": {"secret": "x"}, "imagePullSecrets": ["a", "b"]},
    "pods of runs": {"runs": {"image": "python:3.13", "security": "restricted", "user": 1234567, "serviceAccount": "runs"}},
    "limits": {"limits": {"scratch": "20Gi", "scratchFiles": 1000000, "storage": "500Gi", "workspaceStorage": "2Ti", "storageFiles": 2000000, "workspaceStorageFiles": 9000000, "binDays": 7}},
    "history and telling": {
        "history": {"days": 90, "logs": "100Gi", "pods": "all"}, "notifications": {"waits": "0", "hung": "2h"}
    },
    "port and log": {"port": 9443, "logLevel": "debug", "imagePullPolicy": "Always"},
}  # fmt: skip

BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no image": ({"image": ""}, "image: name the server's image"),
    "replicas without database": ({"replicas": 2}, "replicas: more than one server needs a database"),
    "replicas without artifacts": (
        {"replicas": 2, "database": {"secret": "db"}},
        "replicas: more than one server needs an artifact store",
    ),
    "endpoint without artifacts": (
        {"artifacts": {"endpoint": "https://minio"}},
        "artifacts: endpoint, region and secret belong to an object storage",
    ),
    "ingress without host": ({"ingress": {"enabled": True}}, "ingress.host: name the host"),
    "service monitor without token": (
        {"metrics": {"serviceMonitor": {"enabled": True}}},
        "metrics.serviceMonitor.tokenSecret: name a Secret",
    ),
    "public without certificate": ({"tls": {"public": True}}, "tls.public: it is about the certificate"),
}
"""Values that do not fit together, and what both say."""

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "unknown": ({"replica": 2}, "replica"),
    "unknown, deep": ({"database": {"url": "postgresql://u:p@h/d"}}, "database"),
    "no replicas": ({"replicas": 0}, "replicas"),
    "text for a number": ({"replicas": "2"}, "replicas"),
    "text for a truth": ({"rbac": {"nodes": "no"}}, "nodes"),
    "plain HTTP": ({"url": "http://seaway"}, "url"),
    "another storage": ({"artifacts": {"url": "gs://bucket"}}, "artifacts"),
    "credentials in a URL": ({"artifacts": {"url": "s3://key:secret@bucket"}}, "artifacts"),
    "size": ({"storage": {"size": "20 GB"}}, "size"),
    "root": ({"runAsUser": 0}, "runAsUser"),
    "type of service": ({"service": {"type": "ExternalName"}}, "service"),
    "name of a secret": ({"token": {"secret": "A secret"}}, "secret"),
    "image with a blank": ({"image": "a b"}, "image"),
    "number as variable": ({"env": {"A": 1}}, "env"),
    "no size": ({"limits": {"scratch": "lots"}}, "scratch"),
    "no size for workspaces": ({"limits": {"workspaceStorage": "0"}}, "workspaceStorage"),
    "size below 1 MiB": ({"limits": {"storage": "500Ki"}}, "storage"),
    "few files": ({"limits": {"scratchFiles": 5}}, "scratchFiles"),
    "no day in the bin": ({"limits": {"binDays": 0}}, "binDays"),
    "text for days": ({"history": {"days": "365"}}, "days"),
    "no room for logs": ({"history": {"logs": "0"}}, "logs"),
    "whose logs": ({"history": {"pods": "some"}}, "pods"),
    "no time to wait": ({"notifications": {"waits": "soon"}}, "waits"),
    "number for a time": ({"notifications": {"hung": 60}}, "hung"),
    "log level": ({"logLevel": "loud"}, "logLevel"),
}
"""Values that the schema refuses, and what the message must name."""
