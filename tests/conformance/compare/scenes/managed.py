"""Server-side apply, and who owns which fields."""

from __future__ import annotations

from tests.conformance.compare.scenes.building import (
    CONFIG_MAP,
    CONFIG_MAPS,
    JOB,
    JOBS,
    POD,
    PODS,
    ROLES,
    SERVICE,
    SERVICES,
    STRATEGIC,
    SUSPENDED,
    TWO_CONTAINERS,
    TWO_PORTS,
    apply,
    config_map,
    delete,
    get,
    op,
    operations,
    patch,
    pod,
    post,
    put,
    scene,
)


def applied(data=None, **meta):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", **meta}} | (
        {"data": data} if data is not None else {}
    )


def applied_service(**spec):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": spec}


def applied_pod(*containers, **spec):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"containers": list(containers), **spec},
    }


def labelled_job():
    job = applied_job()
    job["spec"]["template"]["metadata"] = {"labels": {}}
    return job


def applied_job(**spec):
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "j"},
        "spec": {
            "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "m", "image": "i"}]}},
            **spec,
        },
    }


ACCOUNTS = "/api/v1/namespaces/{namespace}/serviceaccounts"
# fmt: off
SCENES = (
scene("create and update", post(CONFIG_MAPS+"?fieldManager=m1",config_map("a",{"x":"1"},labels={"l":"1"})), put(CONFIG_MAP+"?fieldManager=m2",config_map("a",{"x":"1","y":"2"},labels={"l":"1"})), put(CONFIG_MAP+"?fieldManager=m3",config_map("a",{"x":"3"})), patch(CONFIG_MAP+"?fieldManager=m4",{"data":{"z":"1"}}), patch(CONFIG_MAP+"?fieldManager=m1",{"data":{"x":"9"}}), patch(CONFIG_MAP+"?fieldManager=m5",{"data":None})),
scene("created kinds", post(PODS,TWO_CONTAINERS), post(SERVICES,TWO_PORTS), post(JOBS,SUSPENDED), post("/api/v1/namespaces/{namespace}/secrets",{"metadata":{"name":"x"},"stringData":{"a":"b"}}), post("/api/v1/namespaces/{namespace}/persistentvolumeclaims",{"metadata":{"name":"pvc"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}), post("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases",{"metadata":{"name":"l"},"spec":{"holderIdentity":"x","leaseDurationSeconds":5}}), post(ROLES,{"metadata":{"name":"r"},"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["get"]}]}), post("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings",{"metadata":{"name":"r"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"r"},"subjects":[{"kind":"User","name":"u","apiGroup":"rbac.authorization.k8s.io"}]}), post("/api/v1/namespaces",{"metadata":{"name":"{namespace}-b","labels":{"a":"b"}}}), post("/api/v1/nodes",{"metadata":{"name":"{namespace}-node"},"spec":{"taints":[{"key":"a","effect":"NoSchedule"}]},"status":{"capacity":{"cpu":"1"},"conditions":[{"type":"Ready","status":"True"}]}}), post("/apis/scheduling.k8s.io/v1/priorityclasses",{"metadata":{"name":"{namespace}-pc"},"value":5}), delete("/api/v1/nodes/{namespace}-node"), delete("/apis/scheduling.k8s.io/v1/priorityclasses/{namespace}-pc")),
scene("lists in pods", post(PODS+"?fieldManager=m1",TWO_CONTAINERS), patch(POD+"?fieldManager=m2",{"spec":{"containers":[{"name":"one","image":"i9"}]}},STRATEGIC), patch(POD+"?fieldManager=m3",{"spec":{"tolerations":[{"key":"n","operator":"Exists"}]}},STRATEGIC), operations(POD+"?fieldManager=m4",op("add","/spec/tolerations/-",value={"key":"q","operator":"Exists"})), patch(POD+"/status?fieldManager=m5",{"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}],"podIPs":[{"ip":"1.2.3.4"}],"containerStatuses":[{"name":"one","image":"i","imageID":"","ready":True,"restartCount":0}]}},STRATEGIC), patch(POD+"/status?fieldManager=m6",{"status":{"conditions":[{"type":"Ready","status":"False"}]}},STRATEGIC), patch(POD+"?fieldManager=m5",{"metadata":{"annotations":{"a":"b"}}})),
scene("lists in services", post(SERVICES+"?fieldManager=m1",TWO_PORTS), patch(SERVICE+"?fieldManager=m2",{"spec":{"ports":[{"port":80,"targetPort":"x"}]}},STRATEGIC), patch(SERVICE+"?fieldManager=m3",{"spec":{"ports":[{"port":99,"name":"q"}]}},STRATEGIC), patch(SERVICE+"?fieldManager=m4",{"spec":{"ports":[{"port":81,"$patch":"delete"}]}},STRATEGIC), patch(SERVICE+"/status?fieldManager=m5",{"status":{"conditions":[{"type":"X","status":"True","reason":"R","message":"","lastTransitionTime":"2024-01-01T00:00:00Z"}]}})),
scene("clients move ownership", post(CONFIG_MAPS+"?fieldManager=m1",config_map("a",{"x":"1"})), patch(CONFIG_MAP+"?fieldManager=m2",{"metadata":{"managedFields":[{"manager":"other","operation":"Update","apiVersion":"v1","time":"2020-01-01T00:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:data":{"f:x":{}}}}]}}), patch(CONFIG_MAP+"?fieldManager=m2",{"metadata":{"managedFields":[{}]}}), patch(CONFIG_MAP+"?fieldManager=m3",{"data":{"y":"1"}}), apply(CONFIG_MAP,applied({"x":"1"})), patch(CONFIG_MAP+"?fieldManager=m2",{"metadata":{"managedFields":[]}}), patch(CONFIG_MAP+"?fieldManager=m2",{"metadata":{"managedFields":[{"manager":"x","operation":"Bogus","apiVersion":"v1"}]}}), patch(CONFIG_MAP+"?fieldManager=m2",{"metadata":{"managedFields":[{"manager":"x","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV2","fieldsV1":{}}]}}), patch(CONFIG_MAP+"?fieldManager=m2",{"metadata":{"managedFields":[{"manager":"x","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"bad":{}}}]}}), patch(CONFIG_MAP+"?fieldManager=m2",{"metadata":{"managedFields":"x"}}), patch(CONFIG_MAP+"?fieldManager=m2",{"metadata":{"managedFields":[{"manager":"x"*200,"operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:data":{}}}]}})),
scene("many managers", post(CONFIG_MAPS+"?fieldManager=m00",config_map("a",{"k":"0"})), *(patch(CONFIG_MAP+f"?fieldManager=m{i:02}",{"data":{f"k{i}":"1"}}) for i in range(1,14))),
scene("apply creates", apply(CONFIG_MAP,applied({"x":"1"})), apply(CONFIG_MAP,applied({"x":"1"})), apply(CONFIG_MAP,applied({"x":"2","y":"1"})), apply(CONFIG_MAP,applied({"y":"1"})), apply(CONFIG_MAP,applied({})), apply(CONFIG_MAP,applied())),
scene("apply conflicts", apply(CONFIG_MAP,applied({"x":"1"}),"a"), apply(CONFIG_MAP,applied({"x":"2"}),"b"), apply(CONFIG_MAP,applied({"x":"1"}),"b"), apply(CONFIG_MAP,applied({"x":"2","z":"1"}),"b"), apply(CONFIG_MAP,applied({"x":"2"}),"b", force=True), apply(CONFIG_MAP,applied({"x":"3"}),"a"), apply(CONFIG_MAP,applied({}),"b"), get(CONFIG_MAP), apply(CONFIG_MAP,applied({"q":"1"},labels={"l":"1"}),"b"), apply(CONFIG_MAP,applied({"q":"2"},labels={"l":"2"}),"c"), apply(CONFIG_MAP,applied({"q":"2"},labels={"l":"2"}),"a", force=True)),
scene("apply after update", post(CONFIG_MAPS+"?fieldManager=m1",config_map("a",{"x":"1","y":"1"})), apply(CONFIG_MAP,applied({"x":"1"}),"a"), apply(CONFIG_MAP,applied({"x":"2"}),"a"), apply(CONFIG_MAP,applied({"x":"2"}),"a", force=True), put(CONFIG_MAP+"?fieldManager=m2",config_map("a",{"x":"5"})), apply(CONFIG_MAP,applied({"x":"2","y":"2"}),"a"), apply(CONFIG_MAP,applied({}),"a"), apply(CONFIG_MAP,applied({"x":"7"}),"m1"), apply(CONFIG_MAP,applied({"x":"7"}),"m2", force=True)),
scene("apply and co-ownership", apply(CONFIG_MAP,applied({"x":"1","y":"1"}),"a"), apply(CONFIG_MAP,applied({"x":"1"}),"b"), apply(CONFIG_MAP,applied({"y":"1"}),"a"), get(CONFIG_MAP), apply(CONFIG_MAP,applied({}),"b"), get(CONFIG_MAP), patch(CONFIG_MAP+"?fieldManager=u",{"data":{"y":"2"}}), apply(CONFIG_MAP,applied({}),"a"), get(CONFIG_MAP)),
scene("apply faults", apply(CONFIG_MAP,{}), apply(CONFIG_MAP,{"apiVersion":"v1"}), apply(CONFIG_MAP,{"kind":"ConfigMap"}), apply(CONFIG_MAP,{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}), apply(CONFIG_MAP,{"apiVersion":"v2","kind":"ConfigMap"}), apply(CONFIG_MAP,applied(managedFields=[])), apply(CONFIG_MAP,applied(managedFields=[{"manager":"x"}])), apply(CONFIG_MAP,{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b"}}), apply(CONFIG_MAP,{"apiVersion":"v1","kind":"ConfigMap"}), apply(CONFIG_MAPS+"/new",applied(resourceVersion="1")), apply(CONFIG_MAPS+"/new",applied(uid="x")), apply(CONFIG_MAP,applied({"x":1})), apply(CONFIG_MAP,applied("x")), apply(CONFIG_MAP,b"{"), apply(CONFIG_MAP,b""), apply(CONFIG_MAP,b"[]"), apply(CONFIG_MAP,b"null"), apply(CONFIG_MAP,b"x"), apply(CONFIG_MAP,applied()|{"bogus":1}), apply(CONFIG_MAP,applied(namespace="other")), apply(CONFIG_MAP,applied(generateName="x-")), apply(CONFIG_MAP,applied(resourceVersion="1")), apply(CONFIG_MAP,b"a: {"), apply(CONFIG_MAP+"?dryRun=All",applied({"d":"1"})), apply(CONFIG_MAPS+"/dry?dryRun=All",applied({"d":"1"})|{"metadata":{"name":"dry"}}), get(CONFIG_MAPS+"/dry"), patch(CONFIG_MAP+"?force=true&fieldManager=x",{"data":{}},STRATEGIC), apply(CONFIG_MAPS,applied()), apply(CONFIG_MAP,applied(),"x"*129), apply(CONFIG_MAP,b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  name: b\ndata:\n  q: r\n  q: s\n"),apply("/api/v1/configmaps/a",applied())),
scene("apply keyed lists", apply(SERVICE,applied_service(ports=[{"port":80,"protocol":"TCP","name":"a"}],selector={"x":"y"}),"a"), apply(SERVICE,applied_service(ports=[{"port":81,"protocol":"TCP","name":"b"}]),"b"), apply(SERVICE,applied_service(ports=[{"port":80,"protocol":"TCP","name":"c"}]),"b"), apply(SERVICE,applied_service(ports=[{"port":80,"name":"a"},{"port":81,"name":"b"},{"port":82,"name":"q"}]),"c"), apply(SERVICE,applied_service(ports=[{"port":80,"name":"a"}],selector={"z":"y"}),"a"), apply(SERVICE,applied_service(ports=[{"port":80,"name":"a"},{"port":80,"name":"d"}]),"d"), apply(SERVICE,applied_service(ports=[{"name":"nokey"}]),"d"), apply(SERVICE,applied_service(ports=[{"port":82,"name":"q"},{"port":80,"name":"a"}]),"c"), apply(SERVICE,applied_service(ports=[]),"b"), apply(SERVICE,applied_service(type="NodePort"),"e", force=True), apply(SERVICE,applied_service(selector={}),"a"), apply(SERVICE,applied_service(ports=[{"port":82,"name":"q"}]),"c")),
scene("apply pods", apply(POD,applied_pod({"name":"one","image":"i"}),"a"), apply(POD,applied_pod({"name":"one","image":"j"}),"a"), apply(POD,applied_pod({"name":"one","image":"j"},tolerations=[{"key":"x","operator":"Exists"}]),"a"), apply(POD,applied_pod({"name":"one","image":"k"}),"b", force=True), apply(POD+"/status",{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"status":{"conditions":[{"type":"Ready","status":"True"}],"phase":"Running"}},"k"), apply(POD+"/status",{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"status":{"conditions":[{"type":"Ready","status":"False"},{"type":"Q","status":"True"}],"phase":"Running"}},"l"), apply(POD+"/status",{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"status":{"conditions":[{"type":"Q","status":"True"}]}},"l"), apply(POD+"/status",{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"status":{}},"k"), apply(POD,applied_pod({"name":"two","image":"k"}),"c"), apply(POD,{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"status":{"phase":"Failed"}},"z"), apply(PODS+"/none/status",{"apiVersion":"v1","kind":"Pod","metadata":{"name":"none"},"status":{}},"k"), apply(POD,applied_pod({"name":"one","image":"k","env":[{"name":"A"},{"name":"A"}]}),"c")),
scene("apply pod env", apply(POD,applied_pod({"name":"one","image":"i","env":[{"name":"A","value":"1"},{"name":"B","value":"2"}],"ports":[{"containerPort":80}],"resources":{"limits":{"cpu":"1"}},"command":["x"]},nodeSelector={"a":"b"},volumes=[{"name":"v","emptyDir":{}}],imagePullSecrets=[{"name":"x"}],topologySpreadConstraints=[{"maxSkew":1,"topologyKey":"z","whenUnsatisfiable":"DoNotSchedule"}]),"a"), patch(POD+"?fieldManager=u",{"metadata":{"labels":{"x":"y"}}})),
scene("apply jobs", apply(JOB,applied_job(suspend=True),"a"), apply(JOB,applied_job(suspend=False),"b"), apply(JOB,applied_job(suspend=True,parallelism=2),"a"), apply(JOB,applied_job(parallelism=2),"a"), patch(JOB+"/status?fieldManager=s",{"status":{"active":1}}), apply(JOB,applied_job(parallelism=2)|{"status":{"active":3}},"a")),
scene("apply jobs twice", apply(JOB,applied_job(),"a"), apply(JOB,applied_job(),"a"), get(JOB)),
scene("apply jobs with empty labels", apply(JOB,labelled_job(),"a"), apply(JOB,applied_job(),"a")),
scene("apply sets and owners", apply(CONFIG_MAP,applied(finalizers=["a.b/c"]),"a"), apply(CONFIG_MAP,applied(finalizers=["a.b/d"]),"b"), apply(CONFIG_MAP,applied(finalizers=["a.b/c","a.b/d"]),"c"), apply(CONFIG_MAP,applied(),"a"), apply(CONFIG_MAP,applied(finalizers=["a.b/c","a.b/c"]),"d"), apply(CONFIG_MAP,applied(),"c"), apply(CONFIG_MAP,applied(),"b"), apply(CONFIG_MAP,applied(ownerReferences=[{"apiVersion":"v1","kind":"ConfigMap","name":"x","uid":"u1"}]),"a"), apply(CONFIG_MAP,applied(ownerReferences=[{"apiVersion":"v1","kind":"ConfigMap","name":"x","uid":"u2"}]),"b"), apply(CONFIG_MAP,applied(ownerReferences=[{"apiVersion":"v1","kind":"ConfigMap","name":"y","uid":"u1"}]),"c"), apply(CONFIG_MAP,applied(ownerReferences=[]),"a"), get(CONFIG_MAP)),
scene("apply atomic lists", apply(ROLES+"/r",{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"Role","metadata":{"name":"r"},"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["get"]}]},"a"), apply(ROLES+"/r",{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"Role","metadata":{"name":"r"},"rules":[{"apiGroups":[""],"resources":["secrets"],"verbs":["get"]}]},"b"), apply(ROLES+"/r",{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"Role","metadata":{"name":"r"},"rules":[{"apiGroups":[""],"resources":["secrets"],"verbs":["get"]}]},"b", force=True), apply(ROLES+"/r",{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"Role","metadata":{"name":"r"}},"b")),
scene("apply secrets", apply("/api/v1/namespaces/{namespace}/secrets/x",{"apiVersion":"v1","kind":"Secret","metadata":{"name":"x"},"stringData":{"a":"b"}},"a"), apply("/api/v1/namespaces/{namespace}/secrets/x",{"apiVersion":"v1","kind":"Secret","metadata":{"name":"x"},"data":{"a":"Yg=="},"type":"Opaque"},"a"), apply("/api/v1/namespaces/{namespace}/secrets/x",{"apiVersion":"v1","kind":"Secret","metadata":{"name":"x"},"data":{"c":"Yg=="}},"b"), apply("/api/v1/namespaces/{namespace}/secrets/x",{"apiVersion":"v1","kind":"Secret","metadata":{"name":"x"},"type":"other"},"b")),
scene("apply null values", apply(CONFIG_MAP,applied({"x":"1"}),"a"), apply(CONFIG_MAP,applied({"x":None}),"a"), apply(CONFIG_MAP,applied({"x":"1"},labels=None),"a"), apply(CONFIG_MAP,{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":None},"a"), apply(CONFIG_MAP,applied({"x":""}),"a")),
scene("apply and delete", apply(CONFIG_MAP,applied({"x":"1"}),"a"), delete(CONFIG_MAP), apply(CONFIG_MAP,applied({"x":"1"}),"a"), apply(CONFIG_MAP,applied({"x":"1"},uid="${0:metadata.uid}"),"a"), apply(CONFIG_MAP,applied({"x":"3"},resourceVersion="${0:metadata.resourceVersion}"),"a"), apply(CONFIG_MAP,applied({"x":"3"},resourceVersion="${2:metadata.resourceVersion}"),"a")),
scene("apply service account", apply(ACCOUNTS+"/x",{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"x"},"imagePullSecrets":[{"name":"a"}]},"a"), apply(ACCOUNTS+"/x",{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"x"},"imagePullSecrets":[{"name":"b"}],"secrets":[{"name":"z"}]},"b"), apply(ACCOUNTS+"/x",{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"x"},"secrets":[{"name":"z"}]},"a")),
scene("apply namespaces and nodes", apply("/api/v1/namespaces/{namespace}-q",{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"{namespace}-q","labels":{"a":"b"}}},"a"), apply("/api/v1/nodes/{namespace}-n",{"apiVersion":"v1","kind":"Node","metadata":{"name":"{namespace}-n","labels":{"a":"b"}},"spec":{"taints":[{"key":"x","effect":"NoSchedule"}]}},"a"), apply("/api/v1/nodes/{namespace}-n/status",{"apiVersion":"v1","kind":"Node","metadata":{"name":"{namespace}-n"},"status":{"conditions":[{"type":"Ready","status":"True"}],"capacity":{"cpu":"1"},"addresses":[{"type":"Hostname","address":"x"}]}},"a"), delete("/api/v1/nodes/{namespace}-n")),
scene("scale and binding manage", post(PODS+"?fieldManager=m1",pod()), post(POD+"/binding?fieldManager=b",{"metadata":{"name":"p"},"target":{"name":"n"}}), get(POD)),
scene("eviction manages", post(PODS+"?fieldManager=m1",pod(nodeName="n")), post(POD+"/eviction?fieldManager=e",{"metadata":{"name":"p"}}), get(POD)),
scene("delete manages nothing", post(CONFIG_MAPS+"?fieldManager=m1",config_map("a",finalizers=["a.b/c"])), delete(CONFIG_MAP+"?fieldManager=d&propagationPolicy=Foreground"), get(CONFIG_MAP)),
scene("update with no change but managers", post(CONFIG_MAPS+"?fieldManager=m1",config_map("a",{"x":"1"})), put(CONFIG_MAP+"?fieldManager=m2",config_map("a",{"x":"1"})), patch(CONFIG_MAP+"?fieldManager=m2",{"data":{"x":"1"}}), get(CONFIG_MAP)),
scene("put without managed fields", post(CONFIG_MAPS+"?fieldManager=m1",config_map("a",{"x":"1"})), put(CONFIG_MAP+"?fieldManager=m2",config_map("a",{"x":"2"})), put(CONFIG_MAP+"?fieldManager=m3",config_map("a",{"x":"2"},managedFields=[]))),
scene("apply with a stale version of the manager", apply(CONFIG_MAP,applied({"x":"1"}),"a"), patch(CONFIG_MAP+"?fieldManager=a",{"data":{"y":"1"}}), apply(CONFIG_MAP,applied({"x":"1"}),"a"), apply(CONFIG_MAP,applied({"x":"2","y":"2"}),"a"), apply(CONFIG_MAP,applied({"x":"2","y":"2"}),"a", force=True)),
)
# fmt: on
