"""Who may do what: refusals, impersonation, reviews, escalation."""

from __future__ import annotations

from dataclasses import replace

from tests.conformance.compare.scenes.building import (
    BINDINGS,
    CONFIG_MAP,
    CONFIG_MAPS,
    POD,
    PODS,
    RBAC,
    ROLES,
    apply,
    config_map,
    delete,
    get,
    patch,
    post,
    put,
    scene,
    send,
)
from tools.compare.messages import ALLOWED, Message


def as_(call, user, *groups, **h):
    return replace(
        call,
        headers=(
            *call.headers,
            ("Impersonate-User", user),
            *(("Impersonate-Group", group) for group in groups),
            *((name.replace("_", "-"), value) for name, value in h.items()),
        ),
    )


def anonymous(call):
    return replace(call, anonymous=True)


def bearing(call, t):
    return replace(call, anonymous=True, headers=(*call.headers, ("Authorization", t)))


AUTHORIZATION = "/apis/authorization.k8s.io/v1"
AUTHENTICATION = "/apis/authentication.k8s.io/v1"


def role(name, *rules):
    return {"metadata": {"name": name}, "rules": list(rules)}


def rule(groups, res, verbs, **k):
    return {"apiGroups": groups, "resources": res, "verbs": verbs, **k}


def bind(name, kind, ref, *users):
    return {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": ref},
        "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": u} for u in users],
    }


USER = "{namespace}-u"


def may_i(**spec):
    return post(
        AUTHORIZATION + "/selfsubjectaccessreviews",
        {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec},
    )


SETUP = (
    post(
        ROLES,
        role(
            "r",
            rule([""], ["configmaps"], ["get", "create", "list"]),
            rule([""], ["pods"], ["get"], resourceNames=["p"]),
            rule([""], ["pods/log", "pods/status"], ["get"]),
            rule(["rbac.authorization.k8s.io"], ["roles", "rolebindings"], ["create", "update", "patch"]),
        ),
    ),
    post(BINDINGS, bind("b", "Role", "r", USER)),
    Message(ALLOWED, CONFIG_MAPS, headers=(("Impersonate-User", USER),)),
)
# fmt: off
SCENES = (
scene("forbidden", *(as_(c,"bob") for c in (get(CONFIG_MAPS),get(CONFIG_MAP),post(CONFIG_MAPS,config_map()),put(CONFIG_MAP,config_map()),patch(CONFIG_MAP,{}),delete(CONFIG_MAP),delete(CONFIG_MAPS),get(CONFIG_MAPS+"?watch=1"),get("/api/v1/configmaps"),get("/api/v1/nodes"),get("/api/v1/nodes/n"),get(POD+"/log"),post(POD+"/binding",{}),get("/apis/batch/v1/namespaces/{namespace}/jobs"),get("/nothing"),get("/healthz"),get("/metrics"),get("/api/v1/namespaces/{namespace}"),get("/api/v1/namespaces"),post("/api/v1/namespaces",{}),get("/api/v1/namespaces/{namespace}/nothings/x/y"),get("/apis/no.group/v1/things"),get(CONFIG_MAPS+"?fieldSelector=metadata.name%3Da"),send("OPTIONS",CONFIG_MAP),post("/api/v1/namespaces/{namespace}/serviceaccounts/default/token",{}),get("/api/v1/watch/namespaces/{namespace}/configmaps"),get("/logs"),post("/version",{}),get("/livez"),get("/readyz"),apply(CONFIG_MAP,config_map())))),
scene("forbidden with groups", as_(get(CONFIG_MAPS),"bob","g1","g2"), as_(get(CONFIG_MAPS),"system:anonymous"), as_(get(CONFIG_MAPS),"system:serviceaccount:{namespace}:default"), as_(get(CONFIG_MAPS),"x","system:masters"), as_(get(CONFIG_MAPS),"bob","system:unauthenticated"), as_(get(CONFIG_MAPS),"b\"ob")),
scene("impersonation faults", get(CONFIG_MAPS,Impersonate_Group="x"), get(CONFIG_MAPS,Impersonate_Uid="x"), get(CONFIG_MAPS,Impersonate_Extra_Foo="x"), post(AUTHENTICATION+"/selfsubjectreviews",{},Impersonate_User="bob",Impersonate_Group="g",Impersonate_Uid="u1",Impersonate_Extra_Foo="x"), post(AUTHENTICATION+"/selfsubjectreviews",{},Impersonate_User="system:serviceaccount:{namespace}:default"), post(AUTHENTICATION+"/selfsubjectreviews",{},Impersonate_User="system:anonymous"), post(AUTHENTICATION+"/selfsubjectreviews",{}), get(CONFIG_MAPS,Impersonate_User="")),
scene("anonymous", *(anonymous(c) for c in (get(CONFIG_MAPS),get("/healthz"),get("/livez"),get("/readyz"),get("/nothing"),get("/"),get("/livez/ping"),get("/openapi/v2"),post(CONFIG_MAPS,config_map()),send("OPTIONS","/api")))),
scene("bad tokens", *(bearing(get(CONFIG_MAPS),t) for t in ("Bearer nonsense","Bearer ","Basic YTpi","Bearer a.b.c","bearer x","Nonsense")), bearing(get("/healthz"),"Bearer nonsense")),
scene("rbac", *SETUP, *(as_(c,USER) for c in (post(CONFIG_MAPS,config_map()),get(CONFIG_MAP),get(CONFIG_MAPS),delete(CONFIG_MAP),get(POD),get(PODS+"/q"),get(PODS),get(PODS+"?fieldSelector=metadata.name%3Dp"),get("/api/v1/configmaps"),get(POD+"/status"),patch(CONFIG_MAP,{}),apply(CONFIG_MAPS+"/n",config_map("n")),put(CONFIG_MAPS+"/n",config_map("n"))))),
scene("escalation", *SETUP, *(as_(c,USER) for c in (post(ROLES,role("e",rule([""],["configmaps"],["get"]))), post(ROLES,role("f",rule([""],["secrets"],["get"]))), post(ROLES,role("g",rule(["*"],["*"],["*"]))), post(ROLES,role("h",rule([""],["configmaps","secrets"],["get","list","delete"]),rule(["apps"],["deployments"],["get"],resourceNames=["x"]))), patch(ROLES+"/e",{"rules":[rule([""],["secrets"],["get"])]}), post(BINDINGS,bind("eb","Role","r",USER)), post(BINDINGS,bind("fc","ClusterRole","nothing",USER)), post(RBAC+"/clusterroles",role("{namespace}-x",rule([""],["pods"],["get"]))), post(BINDINGS,bind("fd","ClusterRole","cluster-admin",USER)), patch(ROLES+"/e",{"metadata":{"labels":{"a":"b"}}})))),
scene("access reviews", *SETUP, *(as_(c,USER) for c in (may_i(resourceAttributes={"verb":"get","resource":"configmaps","namespace":"{namespace}"}), may_i(resourceAttributes={"verb":"delete","resource":"configmaps","namespace":"{namespace}"}), may_i(resourceAttributes={"verb":"get","resource":"pods","name":"p","namespace":"{namespace}"}), may_i(nonResourceAttributes={"verb":"get","path":"/healthz"}), may_i(nonResourceAttributes={"verb":"get","path":"/metrics"}), may_i(), may_i(resourceAttributes={"verb":"get"},nonResourceAttributes={"path":"/"}), post(AUTHORIZATION+"/selfsubjectaccessreviews",{}), post(AUTHORIZATION+"/selfsubjectaccessreviews",{"metadata":{"name":"x"},"spec":{"resourceAttributes":{"verb":"get"}}}), post(AUTHORIZATION+"/selfsubjectaccessreviews",b"{"), get(AUTHORIZATION+"/selfsubjectaccessreviews"), post(AUTHORIZATION+"/selfsubjectrulesreviews",{"spec":{"namespace":"{namespace}"}}), post(AUTHORIZATION+"/selfsubjectrulesreviews",{"spec":{}}), post(AUTHORIZATION+"/subjectaccessreviews",{"spec":{"user":"x"}}), post(AUTHENTICATION+"/selfsubjectreviews",{}), post(AUTHENTICATION+"/selfsubjectreviews",b""), post(AUTHENTICATION+"/tokenreviews",{"spec":{"token":"x"}})))),
scene("reviews by an administrator", *SETUP, may_i(resourceAttributes={"verb":"get","resource":"x"}), post(AUTHORIZATION+"/selfsubjectrulesreviews",{"spec":{"namespace":"{namespace}"}}), post(AUTHORIZATION+"/subjectaccessreviews",{"spec":{"user":USER,"resourceAttributes":{"verb":"get","resource":"configmaps","namespace":"{namespace}"}}}), post(AUTHORIZATION+"/subjectaccessreviews",{"spec":{"user":"bob","resourceAttributes":{"verb":"get","resource":"configmaps"}}}), post(AUTHORIZATION+"/subjectaccessreviews",{"spec":{"resourceAttributes":{"verb":"get"}}}), post(AUTHORIZATION+"/subjectaccessreviews",{"spec":{"user":"a"}}), post(AUTHORIZATION+"/namespaces/{namespace}/localsubjectaccessreviews",{"metadata":{"namespace":"{namespace}"},"spec":{"user":USER,"resourceAttributes":{"namespace":"{namespace}","verb":"get","resource":"configmaps"}}}), post(AUTHORIZATION+"/namespaces/{namespace}/localsubjectaccessreviews",{"spec":{"user":USER,"resourceAttributes":{"namespace":"other","verb":"get","resource":"configmaps"}}}), post(AUTHENTICATION+"/tokenreviews",{"spec":{"token":"x"}}), post(AUTHENTICATION+"/tokenreviews",{}), post("/api/v1/namespaces/{namespace}/serviceaccounts/default/token",{}), post(AUTHENTICATION+"/tokenreviews",{"spec":{"token":"${13:status.token}"}}), post(AUTHENTICATION+"/tokenreviews",{"spec":{"token":"${13:status.token}","audiences":["nope"]}}), bearing(get(CONFIG_MAPS),"Bearer ${13:status.token}"), bearing(get("/api/v1/namespaces/{namespace}"),"Bearer ${13:status.token}"), get(AUTHORIZATION+"/subjectaccessreviews/x"), delete(AUTHORIZATION+"/subjectaccessreviews"), post(AUTHORIZATION+"/subjectaccessreviews?dryRun=All",{"spec":{"user":USER,"resourceAttributes":{"verb":"get","resource":"configmaps","namespace":"{namespace}"}}}), post(AUTHORIZATION+"/selfsubjectaccessreviews?dryRun=x",{"spec":{}}), post(AUTHORIZATION+"/selfsubjectaccessreviews?fieldValidation=Strict",{"spec":{"bogus":1,"resourceAttributes":{"verb":"get"}}}), post(AUTHORIZATION+"/selfsubjectaccessreviews",{"kind":"Pod","apiVersion":"v1"}), post(AUTHORIZATION+"/selfsubjectaccessreviews",{"spec":"x"})),
)
# fmt: on
