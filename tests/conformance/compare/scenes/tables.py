"""Tables, metadata alone, and the choice of a form."""

from __future__ import annotations

from tests.conformance.compare.scenes.building import (
    CONFIG_MAP,
    CONFIG_MAPS,
    JOBS,
    NS,
    PODS,
    RBAC,
    SERVICES,
    SUSPENDED,
    TABLE,
    TWO_CONTAINERS,
    TWO_PORTS,
    config_map,
    delete,
    get,
    patch,
    pod,
    post,
    put,
    scene,
    table,
)

PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
PARTIALS = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


def kinds(name, path, obj, *more):
    return scene(
        "table of " + name,
        post(path, obj),
        table(path),
        table(path + "?includeObject=None"),
        table(path + "/" + obj["metadata"]["name"]),
        table(path + "?includeObject=Object&limit=1"),
        *more,
    )


def in_state(name, status, **spec):
    return (
        post(
            PODS,
            {"metadata": {"name": name}, "spec": {"containers": [{"name": "main", "image": "i"}], **spec}},
        ),
        patch(f"{PODS}/{name}/status", {"status": status}),
        table(f"{PODS}/{name}"),
    )


RUNNING = {
    "name": "main",
    "image": "i",
    "imageID": "",
    "ready": True,
    "restartCount": 0,
    "state": {"running": {"startedAt": "2024-01-01T00:00:00Z"}},
}
# fmt: off
SCENES = (
kinds("config maps",CONFIG_MAPS,config_map("a",{"x":"1","y":"2"})|{"binaryData":{"z":"YQ=="}}),
kinds("secrets",NS+"/secrets",{"metadata":{"name":"a"},"data":{"x":"YQ=="}}),
kinds("services",SERVICES,TWO_PORTS), kinds("headless service",SERVICES,{"metadata":{"name":"s"},"spec":{"clusterIP":"None","ports":[{"port":1,"protocol":"UDP"}]}}), kinds("external service",SERVICES,{"metadata":{"name":"s"},"spec":{"type":"ExternalName","externalName":"x.y"}}),
kinds("service accounts",NS+"/serviceaccounts",{"metadata":{"name":"a"}}),
kinds("jobs",JOBS,SUSPENDED), kinds("jobs with completions",JOBS,{"metadata":{"name":"j"},"spec":{"completions":3,"parallelism":2,"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"m","image":"i"},{"name":"n","image":"k"}]}}}}),
kinds("leases","/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases",{"metadata":{"name":"l"},"spec":{"holderIdentity":"h"}}),
kinds("roles",RBAC+"/namespaces/{namespace}/roles",{"metadata":{"name":"r"},"rules":[]}), kinds("role bindings",RBAC+"/namespaces/{namespace}/rolebindings",{"metadata":{"name":"r"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"view"},"subjects":[{"kind":"User","name":"u","apiGroup":"rbac.authorization.k8s.io"},{"kind":"Group","name":"g","apiGroup":"rbac.authorization.k8s.io"},{"kind":"ServiceAccount","name":"s","namespace":"n"}]}),
kinds("claims",NS+"/persistentvolumeclaims",{"metadata":{"name":"c"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}),
kinds("events",NS+"/events",{"metadata":{"name":"e"},"involvedObject":{"kind":"Pod","name":"p","namespace":"{namespace}"},"reason":"R","message":"m","type":"Normal","count":3,"source":{"component":"c","host":"h"},"firstTimestamp":"2024-01-01T00:00:00Z","lastTimestamp":"2024-01-01T00:00:00Z"}),
kinds("pods",PODS,pod()), kinds("pods with two",PODS,TWO_CONTAINERS|{"metadata":{"name":"p"}}),
scene("table of cluster kinds", post("/api/v1/nodes",{"metadata":{"name":"{namespace}-n","labels":{"node-role.kubernetes.io/worker":""}},"spec":{"unschedulable":True}}), patch("/api/v1/nodes/{namespace}-n/status",{"status":{"conditions":[{"type":"Ready","status":"True"}],"addresses":[{"type":"InternalIP","address":"1.2.3.4"},{"type":"ExternalIP","address":"5.6.7.8"}],"nodeInfo":{"kubeletVersion":"v1","osImage":"o","kernelVersion":"k","containerRuntimeVersion":"c","machineID":"","systemUUID":"","bootID":"","kubeProxyVersion":"","operatingSystem":"","architecture":""}}}), table("/api/v1/nodes/{namespace}-n"), table("/api/v1/namespaces/{namespace}"), post("/apis/scheduling.k8s.io/v1/priorityclasses",{"metadata":{"name":"{namespace}-pc"},"value":5,"globalDefault":False}), table("/apis/scheduling.k8s.io/v1/priorityclasses/{namespace}-pc"), post(RBAC+"/clusterroles",{"metadata":{"name":"{namespace}-cr"},"rules":[]}), table(RBAC+"/clusterroles/{namespace}-cr"), post(RBAC+"/clusterrolebindings",{"metadata":{"name":"{namespace}-crb"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"view"},"subjects":[]}), table(RBAC+"/clusterrolebindings/{namespace}-crb"), delete("/api/v1/nodes/{namespace}-n"), delete("/apis/scheduling.k8s.io/v1/priorityclasses/{namespace}-pc"), delete(RBAC+"/clusterroles/{namespace}-cr"), delete(RBAC+"/clusterrolebindings/{namespace}-crb")),
scene("pods in many states", *in_state("running",{"phase":"Running","containerStatuses":[RUNNING],"podIP":"1.2.3.4","podIPs":[{"ip":"1.2.3.4"}]}), *in_state("waiting",{"phase":"Pending","containerStatuses":[RUNNING|{"ready":False,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}), *in_state("failed",{"phase":"Failed","containerStatuses":[RUNNING|{"ready":False,"restartCount":3,"state":{"terminated":{"exitCode":1,"reason":"Error","finishedAt":"2024-01-01T00:00:00Z"}},"lastState":{"terminated":{"exitCode":1,"finishedAt":"2024-01-01T00:00:00Z"}}}]}), *in_state("signal",{"phase":"Failed","containerStatuses":[RUNNING|{"ready":False,"state":{"terminated":{"exitCode":137,"signal":9}}}]}), *in_state("code",{"phase":"Failed","containerStatuses":[RUNNING|{"ready":False,"state":{"terminated":{"exitCode":3}}}]}), *in_state("evicted",{"phase":"Failed","reason":"Evicted"}), *in_state("gates",{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","reason":"SchedulingGated"}]}), *in_state("done",{"phase":"Succeeded","containerStatuses":[RUNNING|{"ready":False,"state":{"terminated":{"exitCode":0,"reason":"Completed"}}}]}), *in_state("init",{"phase":"Pending","initContainerStatuses":[RUNNING|{"name":"i","ready":False}]},initContainers=[{"name":"i","image":"x"}]), *in_state("initerr",{"phase":"Pending","initContainerStatuses":[RUNNING|{"name":"i","ready":False,"state":{"terminated":{"exitCode":2}}}]},initContainers=[{"name":"i","image":"x"}]), *in_state("nominated",{"phase":"Pending","nominatedNodeName":"nn"}), *in_state("notready",{"phase":"Running","conditions":[{"type":"Ready","status":"False"}],"containerStatuses":[RUNNING|{"ready":True,"state":{"terminated":{"exitCode":0,"reason":"Completed"}}}]}), *in_state("rgates",{"phase":"Running","conditions":[{"type":"g.h/i","status":"True"}],"containerStatuses":[RUNNING]},readinessGates=[{"conditionType":"g.h/i"},{"conditionType":"g.h/j"}]), table(PODS)),
scene("jobs in many states", post(JOBS,SUSPENDED), *(x for st in ({"active":1,"startTime":"2024-01-01T00:00:00Z"},{"conditions":[{"type":"FailureTarget","status":"True"}]},) for x in (patch(JOBS+"/j/status",{"status":st}), table(JOBS+"/j")))),
scene("metadata only", post(CONFIG_MAPS,config_map("a",{"x":"1"},labels={"a":"b"})), get(CONFIG_MAP,Accept=PARTIAL), get(CONFIG_MAPS,Accept=PARTIALS), get(CONFIG_MAPS,Accept=PARTIAL), get(CONFIG_MAP,Accept=PARTIALS), get(CONFIG_MAPS+"?limit=1",Accept=PARTIALS), post(CONFIG_MAPS,config_map("b"),Accept=PARTIAL), put(CONFIG_MAPS+"/b",config_map("b"),Accept=PARTIAL), patch(CONFIG_MAPS+"/b",{"data":{"x":"y"}},Accept=PARTIAL), post(CONFIG_MAPS,config_map("c"),Accept=TABLE), delete(CONFIG_MAPS+"/b",Accept=PARTIAL), delete(CONFIG_MAPS+"/c",Accept=TABLE), get(CONFIG_MAPS+"/none",Accept=TABLE), get(CONFIG_MAPS+"/none",Accept=PARTIAL), delete(CONFIG_MAPS,Accept=PARTIALS)),
scene("table versions", post(CONFIG_MAPS,config_map()), get(CONFIG_MAPS,Accept="application/json;as=Table;v=v1beta1;g=meta.k8s.io"), get(CONFIG_MAPS,Accept="application/json;as=Table;v=v2;g=meta.k8s.io"), get(CONFIG_MAPS,Accept="application/json;as=Table;v=v2;g=meta.k8s.io,application/json"), get(CONFIG_MAPS,Accept="application/json;as=Nothing;v=v1;g=meta.k8s.io"), get(CONFIG_MAPS,Accept="application/json;as=Table"), get(CONFIG_MAPS,Accept="application/json;as=Table;g=other;v=v1"), get(CONFIG_MAPS,Accept=TABLE+",application/json"), get(CONFIG_MAPS+"?includeObject=bad",Accept=TABLE), get(CONFIG_MAP,Accept="application/json;as=PartialObjectMetadata;v=v1beta1;g=meta.k8s.io"), get(CONFIG_MAPS,Accept="application/yaml;as=Table;v=v1;g=meta.k8s.io"), get(CONFIG_MAPS,Accept="application/json;as=APIGroupDiscoveryList;v=v2;g=apidiscovery.k8s.io")),
scene("accept", post(CONFIG_MAPS,config_map()), get(CONFIG_MAP,Accept="text/plain"), get(CONFIG_MAP,Accept="application/xml"), get(CONFIG_MAP,Accept="*/*"), get(CONFIG_MAP,Accept="application/*"), get(CONFIG_MAP,Accept="text/html,*/*;q=0.1"), get(CONFIG_MAP,Accept="application/yaml"), get(CONFIG_MAP,Accept="application/yaml;q=0.5,application/json;q=0.2"), get(CONFIG_MAP,Accept="application/json;q=0"), get(CONFIG_MAP,Accept=""), get(CONFIG_MAP,Accept="nonsense"), get(CONFIG_MAP,Accept="application/json;stream=watch"), get(CONFIG_MAP,Accept="application/cbor"), get(CONFIG_MAP,Accept="application/cbor,application/json"), get(CONFIG_MAPS,Accept="text/plain"), delete(CONFIG_MAP,Accept="text/plain"), get(CONFIG_MAP,Accept="application/json;charset=utf-8"), get(CONFIG_MAP,Accept="application/vnd.kubernetes.protobuf, application/json"), get("/api/v1/nothing",Accept="text/plain"), get("/nothing",Accept="text/plain"), get("/healthz",Accept="application/json"), get(CONFIG_MAP+"?pretty=1")),
)
# fmt: on
