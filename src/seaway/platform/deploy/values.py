"""What can be set about a server on a cluster: one model, of which the chart's values.yaml and its schema are made.

The names are camelCase because they are those of a Helm chart's values.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from seaway.platform.deploy.limits import ChartValues, History, Limits, Notifications
from seaway.platform.errors import Invalid

_QUANTITY = r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$"
_OBJECT_NAME = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$"
_HOST = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
Quantity = Annotated[str, Field(pattern=_QUANTITY)]
ObjectName = Annotated[str, Field(pattern=_OBJECT_NAME, max_length=253)]
Host = Annotated[str, Field(pattern=_HOST, max_length=253)]
Port = Annotated[int, Field(ge=1, le=65535)]
Map = dict[str, str]
Object = dict[str, Any]


def _says(meaning: str, default: Any) -> Any:
    return Field(default_factory=lambda: default, description=meaning)


class Database(ChartValues):
    """Where runs, their attempts and history are kept."""

    secret: ObjectName = Field(
        default="",
        description="An existing Secret with the URL of a PostgreSQL database; without one, SQLite on the volume.",
    )
    key: str = Field(default="url", min_length=1, description="The key in that Secret.")


class Artifacts(ChartValues):
    """Where code, outputs and checkpoints are kept."""

    url: str = Field(
        default="", pattern=r"^(s3://[^/\s@]+[^\s@]*)?$",
        description="s3://BUCKET or s3://BUCKET/PREFIX, on S3 or what is compatible; without it, a folder on the volume.",
    )  # fmt: skip
    endpoint: str = Field(
        default="",
        pattern=r"^(https?://[^\s@/]+/?)?$",
        description="https://HOST of what is compatible with S3; AWS without it.",
    )
    region: str = Field(default="", pattern=r"^[a-z0-9-]*$", description="The bucket's region.")
    secret: ObjectName = Field(
        default="",
        description="An existing Secret with the keys AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; without one, the role "
        "of the service account. Only the server has it, never a run.",
    )


class Storage(ChartValues):
    """The volume for what is not in a database and in an object storage. It is made only where one of them is missing."""

    size: Quantity = Field(default="20Gi", description="How large it is.")
    class_name: ObjectName = Field(
        default="", description="Its storage class; the cluster's default without one."
    )
    existing_claim: ObjectName = Field(
        default="", description="An existing claim in place of one of our own."
    )


class Tls(ChartValues):
    """The certificate that the server shows to users and pods."""

    secret: ObjectName = Field(
        default="",
        description="An existing Secret (tls.crt, tls.key, ca.crt); without one, an authority of our own is made.",
    )
    public: bool = Field(
        default=False,
        description="True where every machine trusts the authority of `secret`; ca.crt is not needed then.",
    )
    names: tuple[Host, ...] = Field(
        default=(), description="Further host names that a certificate of our own must be good for."
    )


class Token(ChartValues):
    """The administrator's token."""

    secret: ObjectName = Field(
        default="",
        description="An existing Secret with the key `token`; without one, a token is made, and kept on upgrades.",
    )


class ServicePort(ChartValues):
    """The Service in front of the server."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = Field(
        default="ClusterIP", description="Its type."
    )
    port: Port = Field(default=443, description="Its port.")
    annotations: Map = _says("Its annotations.", {})


class Ingress(ChartValues):
    """An Ingress in front of the Service. It must speak HTTPS to it."""

    enabled: bool = Field(default=False, description="Make one.")
    host: str = Field(
        default="",
        pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$",
        description="The host name that users open.",
    )
    class_name: ObjectName = Field(default="", description="Its class; the cluster's default without one.")
    tls_secret: ObjectName = Field(
        default="", description="The Secret with the certificate for the host name."
    )
    annotations: Map = _says(
        "Its annotations; the default is for ingress-nginx.",
        {
            "nginx.ingress.kubernetes.io/backend-protocol": "HTTPS",
            "nginx.ingress.kubernetes.io/proxy-body-size": "0",
            "nginx.ingress.kubernetes.io/proxy-buffering": "off",
            "nginx.ingress.kubernetes.io/proxy-read-timeout": "3600",
        },
    )


class NetworkPolicy(ChartValues):
    """Who may reach the server."""

    enabled: bool = Field(
        default=False,
        description="Let only the pods of its own namespace reach the server, and those that `from` names.",
    )
    from_: tuple[Object, ...] = Field(
        default=(),
        alias="from",
        description="Further peers as a NetworkPolicy names them, such as the ingress controller.",
    )


class Rbac(ChartValues):
    """The rights of the server."""

    create: bool = Field(default=True, description="Make its Role and RoleBinding; else somebody else did.")
    nodes: bool = Field(
        default=False,
        description="Let it read the cluster's nodes (a ClusterRole): `seaway why` then knows more of them.",
    )
    confirm_off: bool = Field(
        default=False,
        description="Let it change nodes (a ClusterRole), for one purpose: an administrator confirms with `seaway cluster confirm-off NODE` "
        "that a lost machine is off, so that its runs go on elsewhere. Without it: kubectl taint.",
    )
    workspaces: bool = Field(
        default=False,
        description="Let it make, use and delete workspaces (a ClusterRole: pods in all namespaces, and namespaces themselves). "
        "Without it an administrator grants each one: seaway workspace grant NAME.",
    )
    metrics: bool = Field(
        default=False,
        description="Let it read what the pods use (metrics.k8s.io): people are then told of runs that hang. Needs a metrics server.",
    )


class ServiceMonitor(ChartValues):
    """For the Prometheus operator."""

    enabled: bool = Field(
        default=False, description="Make a ServiceMonitor; the cluster must have the operator's definitions."
    )
    token_secret: ObjectName = Field(
        default="",
        description="An existing Secret with a token of the scope metrics: seaway token create prometheus --scope metrics",
    )
    token_key: str = Field(default="token", min_length=1, description="The key in that Secret.")
    interval: str = Field(default="30s", pattern=r"^[1-9][0-9]*(s|m)$", description="How often it is read.")
    labels: Map = _says("Its labels, by which a Prometheus chooses it, such as release: prometheus.", {})


class Metrics(ChartValues):
    """What Prometheus reads of the server."""

    annotations: bool = Field(
        default=False,
        description="Annotate the Service with prometheus.io/scrape, scheme, port and path, for a Prometheus that goes by those.",
    )
    service_monitor: ServiceMonitor = _says("For the Prometheus operator.", ServiceMonitor())


class ServiceAccount(ChartValues):
    """Whom the server acts as."""

    name: ObjectName = Field(default="", description="An existing service account; without one, one is made.")
    annotations: Map = _says("Its annotations, such as a role of the cloud for the object storage.", {})


class Runs(ChartValues):
    """The pods of runs."""

    image: str = Field(
        default="python:3.12-slim",
        pattern=r"^\S+$",
        description="The image of runs that name none. Any with python3 will do.",
    )
    security: Literal["plain", "hardened", "restricted"] = Field(
        default="hardened",
        description="What their pods give up: nothing, what no training misses, or all that Pod Security's level restricted "
        "asks for.",
    )
    user: Annotated[int, Field(ge=1)] = Field(
        default=1000, description="Whom they run as where they are restricted."
    )
    service_account: ObjectName = Field(
        default="",
        description="Their service account, of which they get no token; the namespace's default without one.",
    )


class Values(ChartValues):
    """All that can be set."""

    image: str = Field(
        default="", pattern=r"^\S*$",
        description="The server's image. It must be said: build it with the Dockerfile of the source, push it to your registry.",
    )  # fmt: skip
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = Field(
        default="IfNotPresent", description="When the image is pulled."
    )
    image_pull_secrets: tuple[ObjectName, ...] = Field(
        default=(), description="Secrets for the registry, by name."
    )
    replicas: Annotated[int, Field(ge=1, le=5)] = Field(
        default=1,
        description="How many servers: one leads, the others stand by. More than one needs `database` and `artifacts`.",
    )
    url: str = Field(
        default="", pattern=r"^(https://[^\s/@?#]+/?)?$",
        description="How pods reach the server; the Service's own name without it. Say it where `tls.secret` is for another name.",
    )  # fmt: skip
    port: Port = Field(default=8443, description="The port that the server listens on in its pod.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="How much its log says."
    )
    runs: Runs = _says("The pods of runs.", Runs())
    limits: Limits = _says("What runs may take.", Limits())
    history: History = _says("How long it is remembered what happened.", History())
    notifications: Notifications = _says("What people are told of that lasts.", Notifications())
    database: Database = _says("Where runs and their history are kept.", Database())
    artifacts: Artifacts = _says("Where code, outputs and checkpoints are kept.", Artifacts())
    storage: Storage = _says("The volume, where the database or the artifacts are on it.", Storage())
    tls: Tls = _says("The server's certificate.", Tls())
    token: Token = _says("The administrator's token.", Token())
    service: ServicePort = _says("The Service in front of the server.", ServicePort())
    ingress: Ingress = _says("An Ingress in front of the Service.", Ingress())
    metrics: Metrics = _says("What Prometheus reads of the server.", Metrics())
    network_policy: NetworkPolicy = _says("Who may reach the server.", NetworkPolicy())
    rbac: Rbac = _says("The rights of the server.", Rbac())
    service_account: ServiceAccount = _says("Whom the server acts as.", ServiceAccount())
    run_as_user: Annotated[int, Field(ge=1)] | None = Field(
        default=65532,
        description="The number of the user and group in the pod; null where the platform chooses (OpenShift).",
    )
    resources: Object = _says(
        "What the server asks for.",
        {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}},
    )
    env: Map = _says("Further variables, such as HTTPS_PROXY.", {})
    pod_annotations: Map = _says("Annotations of the pods.", {})
    node_selector: Map = _says("Labels that the node must have.", {})
    tolerations: tuple[Object, ...] = Field(default=(), description="Taints that the pods bear.")
    priority_class_name: ObjectName = Field(default="", description="The pods' priority class.")

    @property
    def keeps_files(self) -> bool:
        """Whether a volume is needed: the database or the artifacts are files."""
        return not (self.database.secret and self.artifacts.url)


LISTED = "seaway install --show-values lists all values"
IMAGE_MISSING = (
    "image: name the server's image (build it with the Dockerfile of the source and push it to your registry)"
)
REPLICAS_NEED_DATABASE = (
    "replicas: more than one server needs a database that all of them reach: set database.secret to a Secret with "
    "the URL of a PostgreSQL database"
)
REPLICAS_NEED_ARTIFACTS = "replicas: more than one server needs an artifact store that all of them reach: set artifacts.url to s3://BUCKET"
ARTIFACTS_WITHOUT_URL = (
    "artifacts: endpoint, region and secret belong to an object storage: set artifacts.url to s3://BUCKET"
)
INGRESS_WITHOUT_HOST = "ingress.host: name the host that users open"
MONITOR_INCOMPLETE = (
    "metrics.serviceMonitor.tokenSecret: name a Secret with a token for Prometheus, which "
    "seaway token create prometheus --scope metrics makes"
)
CERTIFICATE_MISSING = "tls.public: it is about the certificate of tls.secret, and none is named"


def faults(values: Values) -> list[str]:
    """Return what does not fit together, a sentence each; the chart's templates say the same."""
    artifacts, monitor = values.artifacts, values.metrics.service_monitor
    found = {
        IMAGE_MISSING: not values.image,
        REPLICAS_NEED_DATABASE: values.replicas > 1 and not values.database.secret,
        REPLICAS_NEED_ARTIFACTS: values.replicas > 1 and not artifacts.url,
        ARTIFACTS_WITHOUT_URL: not artifacts.url
        and bool(artifacts.endpoint or artifacts.region or artifacts.secret),
        INGRESS_WITHOUT_HOST: values.ingress.enabled and not values.ingress.host,
        MONITOR_INCOMPLETE: monitor.enabled and not monitor.token_secret,
        CERTIFICATE_MISSING: values.tls.public and not values.tls.secret,
    }
    return [sentence for sentence, wrong in found.items() if wrong]


def parse_values(given: Any) -> Values:
    """Return the values that a mapping means.

    Raises:
        Invalid: unknown or impossible values, or ones that do not fit together; `field` is the path of the first.
    """
    if not isinstance(given, dict):
        raise Invalid(
            "the values are no mapping", remedy="Give YAML such as: image: registry.example.com/seaway:1"
        )
    plain = Values()
    merged = dict(given)
    defaults = plain.model_dump(by_alias=True)
    _put_over(merged, defaults, ("ingress", "annotations"))
    _put_over(merged, defaults, ("resources",))
    try:
        values = Values.model_validate_json(json.dumps(merged), strict=True)
    except ValidationError as error:
        raise _refusal(error) from error
    if wrong := faults(values):
        field, _, fault = wrong[0].partition(": ")
        raise Invalid(fault, field=field, remedy=LISTED)
    return values


def _put_over(given: Object, defaults: Object, path: tuple[str, ...]) -> None:
    """Put a map of free keys over its defaults, as Helm does: a key with null takes the default's away."""
    key, *rest = path
    if not isinstance(given.get(key), dict):
        return
    if rest:
        given[key] = dict(given[key])
        _put_over(given[key], defaults[key], tuple(rest))
    else:
        given[key] = _over(defaults[key], given[key])


def _over(default: Object, given: Object) -> Object:
    merged = dict(default)
    for key, value in given.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _over(merged[key], value)
        else:
            merged[key] = value
    return merged


def _refusal(error: ValidationError) -> Invalid:
    faults_ = error.errors()
    first = faults_[0]
    path = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        said = "there is no such value"
    elif first["type"] == "string_pattern_mismatch":  # the text itself may be what must not be shown
        said = f"it does not match {first['ctx']['pattern']}"
    else:
        said = str(first["msg"])
    more = f" (and {len(faults_) - 1} more faults)" if len(faults_) > 1 else ""
    return Invalid(f"{said}{more}", field=path, remedy=LISTED)
