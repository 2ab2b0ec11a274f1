"""Short names for the requests that scenes are made of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote

from tools.compare.messages import Message, Scene

JSON_PATCH = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"

NS = "/api/v1/namespaces/{namespace}"
CONFIG_MAPS = f"{NS}/configmaps"
CONFIG_MAP = f"{CONFIG_MAPS}/a"
PODS = f"{NS}/pods"
POD = f"{PODS}/p"
SERVICES = f"{NS}/services"
SERVICE = f"{SERVICES}/s"
JOBS = "/apis/batch/v1/namespaces/{namespace}/jobs"
JOB = f"{JOBS}/j"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
ROLES = RBAC + "/namespaces/{namespace}/roles"
BINDINGS = RBAC + "/namespaces/{namespace}/rolebindings"


def scene(name: str, *messages: Message) -> Scene:
    """Return a scene."""
    return Scene(name, messages)


def send(
    method: str, target: str, body: Any = None, content_type: str = "application/json", **headers: str
) -> Message:
    """Return a request; an underscore in a header's name stands for a dash."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Message(method, target, body, content_type, named)


def get(target: str, **headers: str) -> Message:
    """Return a GET."""
    return send("GET", target, **headers)


def post(target: str, body: Any, content_type: str = "application/json", **headers: str) -> Message:
    """Return a POST."""
    return send("POST", target, body, content_type, **headers)


def put(target: str, body: Any, content_type: str = "application/json", **headers: str) -> Message:
    """Return a PUT."""
    return send("PUT", target, body, content_type, **headers)


def delete(target: str, body: Any = None, **headers: str) -> Message:
    """Return a DELETE."""
    return send("DELETE", target, body, **headers)


def patch(target: str, body: Any, content_type: str = MERGE, **headers: str) -> Message:
    """Return a PATCH."""
    return send("PATCH", target, body, content_type, **headers)


def operations(target: str, *listed: Any) -> Message:
    """Return a JSON patch."""
    return patch(target, list(listed), JSON_PATCH)


def op(name: str, path: str, **more: Any) -> dict[str, Any]:
    """Return one operation of a JSON patch; `from_` is its source."""
    source = {"from": more.pop("from_")} if "from_" in more else {}
    return {"op": name, "path": path} | source | more


def apply(target: str, body: Any, manager: str = "a", *, force: bool = False) -> Message:
    """Return a server-side apply."""
    mark = "&" if "?" in target else "?"
    return patch(f"{target}{mark}fieldManager={manager}" + ("&force=true" if force else ""), body, APPLY)


def watch(target: str, events: int, **headers: str) -> Message:
    """Return a watch of so many events."""
    return replace(get(target, **headers), events=events)


def table(target: str) -> Message:
    """Return a GET of a table."""
    return get(target, Accept=TABLE)


def labelled(selector: str) -> Message:
    """Return a list of config maps by labels."""
    return get(f"{CONFIG_MAPS}?labelSelector={quote(selector)}")


def selected(selector: str, path: str = CONFIG_MAPS) -> Message:
    """Return a list by fields."""
    return get(f"{path}?fieldSelector={quote(selector)}".replace("%7Bnamespace%7D", "{namespace}"))


def config_map(name: str = "a", data: Any = None, **metadata: Any) -> dict[str, Any]:
    """Return a config map."""
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}}
    return made | ({"data": data} if data is not None else {})


def pod(name: str = "p", **spec: Any) -> dict[str, Any]:
    """Return a pod with one container."""
    containers = [{"name": "main", "image": "python"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": containers, **spec},
    }


# fmt: off
TWO_CONTAINERS: dict[str, Any] = {"metadata":{"name":"p","labels":{"a":"1"}},"spec":{"containers":[{"name":"one","image":"i1","env":[{"name":"A","value":"1"},{"name":"B","value":"2"}],"ports":[{"containerPort":80,"name":"http"}],"args":["x","y"]},{"name":"two","image":"i2"}],"tolerations":[{"key":"k","operator":"Exists"}],"volumes":[{"name":"v","emptyDir":{}}]}}
TWO_PORTS: dict[str, Any] = {"metadata":{"name":"s"},"spec":{"ports":[{"name":"a","port":80},{"name":"b","port":81}],"selector":{"x":"y"}}}
SUSPENDED: dict[str, Any] = {"metadata":{"name":"j"},"spec":{"suspend":True,"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"m","image":"i","env":[{"name":"A","value":"1"},{"name":"B","value":"2"}]}],"volumes":[{"name":"v","emptyDir":{}}]}}}}
# fmt: on
