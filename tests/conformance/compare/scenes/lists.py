"""Lists and watches: selectors, pages, versions, events."""

from __future__ import annotations

from tests.conformance.compare.scenes.building import (
    CONFIG_MAP,
    CONFIG_MAPS,
    JOBS,
    POD,
    PODS,
    SERVICES,
    config_map,
    delete,
    get,
    labelled,
    patch,
    pod,
    post,
    scene,
    selected,
    watch,
)

THREE = (
    post(CONFIG_MAPS, config_map("a", {"x": "1"}, labels={"app": "x", "n": "1"})),
    post(CONFIG_MAPS, config_map("b", labels={"app": "x", "n": "20"})),
    post(CONFIG_MAPS, config_map("c", labels={"app": "y"})),
)
NODES = "/api/v1/nodes"
NOT_READY = {"effect": "NoSchedule", "key": "node.kubernetes.io/not-ready"}
"""What Kubernetes gives every new node that lacks it, and ours none."""
FRESH = get(CONFIG_MAPS + "?resourceVersion=${2:metadata.resourceVersion}&resourceVersionMatch=NotOlderThan")
"""Waits until Kubernetes' cache has the three; else what is read at "0" may lack one."""
# fmt: off
SCENES = (
scene("label selectors", *THREE, *(labelled(s) for s in ["app=x","app==x","app!=x","app","!app","app in (x,y)","app notin (x)","n>5","n<5","app=x,n=1","app in (x),!zz","", " ","app=","app in ()","app in (,)","nothing"])),
scene("bad label selectors", *(labelled(s) for s in ["=x","app=x,","app in x","app in (x","!app=x","a b","app=x y","app=*","-bad=x","app=-x","a/b/c=d","app in (x y)","n>x","app,,b","(",")","!","app!","app===x","app>1,","x="+"y"*64,"x"*64+"=y","app notin","app in (x),","a=b=c", "UP.x/y=z","é=x","app=é"])),
scene("field selectors", *THREE, *(selected(s) for s in ["metadata.name=a","metadata.name!=a","metadata.namespace={namespace}","metadata.name=a,metadata.namespace={namespace}","metadata.name==b","metadata.name=","","metadata.name=a\\,b"])),
scene("bad field selectors", *(selected(s) for s in ["spec.x=1","metadata.name","metadata.name>a","=a","metadata.name=a,","metadata.name=a\\b","metadata.uid=1","metadata.name=a=b","metadata.labels.app=x"]), selected("spec.nothing=1",PODS), selected("status.phase=Pending",PODS), selected("spec.nodeName=",PODS), selected("x=y","/api/v1/nodes"), selected("x=y",JOBS), selected("status.successful=0",JOBS), selected("type=Opaque","/api/v1/namespaces/{namespace}/secrets"), selected("status.phase=Active,metadata.name={namespace}","/api/v1/namespaces"), selected("involvedObject.name=x","/api/v1/namespaces/{namespace}/events"), selected("spec.type=x",SERVICES)),
scene("field selectors of nodes", *(post(NODES,{"metadata":{"name":"{namespace}-"+n},"spec":{"unschedulable":u,"taints":[NOT_READY]}}) for n,u in (("a",True),("b",False))), *(selected(f"metadata.name={{namespace}}-{n},spec.unschedulable{s}",NODES) for n in "ab" for s in ("=true","=false","!=true")), *(delete(NODES+"/{namespace}-"+n) for n in "ab")),
scene("pod field selectors", post(PODS,pod("p")), post(PODS,pod("q",nodeName="n1",serviceAccountName="default",restartPolicy="Never")), *(selected(s,PODS) for s in ["spec.nodeName=n1","spec.nodeName!=n1","spec.restartPolicy=Never","spec.schedulerName=default-scheduler","spec.serviceAccountName=default","status.phase=Pending","status.phase!=Pending","status.podIP=","status.nominatedNodeName=","spec.hostNetwork=false","spec.hostNetwork=true"])),
scene("limit and continue", *THREE, get(CONFIG_MAPS+"?limit=1"), get(CONFIG_MAPS+"?limit=1&continue=${3:metadata.continue}"), get(CONFIG_MAPS+"?limit=1&continue=${4:metadata.continue}"), get(CONFIG_MAPS+"?limit=2"), get(CONFIG_MAPS+"?limit=3"), get(CONFIG_MAPS+"?limit=100"), get(CONFIG_MAPS+"?limit=0"), get(CONFIG_MAPS+"?limit=1&labelSelector=app%3Dx"), get(CONFIG_MAPS+"?limit=1&labelSelector=app%3Dx&continue=${10:metadata.continue}"), get(CONFIG_MAPS+"?limit=1&continue=${3:metadata.continue}&resourceVersion=5"), get(CONFIG_MAPS+"?limit=1&continue=${3:metadata.continue}&resourceVersion=0"), get(CONFIG_MAPS+"?continue=${3:metadata.continue}"), get(CONFIG_MAPS+"?limit=1&continue=${3:metadata.continue}&resourceVersionMatch=Exact"), get(PODS+"?limit=1&continue=${3:metadata.continue}")),
scene("deleted between pages", *THREE, get(CONFIG_MAPS+"?limit=1"), delete(CONFIG_MAPS+"/b"), get(CONFIG_MAPS+"?limit=1&continue=${3:metadata.continue}"), post(CONFIG_MAPS,config_map("b2")), get(CONFIG_MAPS+"?limit=5&continue=${3:metadata.continue}"), get(CONFIG_MAPS)),
scene("limit and fields", *THREE, get(CONFIG_MAPS+"?limit=1&fieldSelector=metadata.name%3Db"), get(CONFIG_MAPS+"?limit=1&labelSelector=app%3Dy"), get(CONFIG_MAPS+"?limit=2&labelSelector=app%3Dx"), get(CONFIG_MAPS+"?limit=1&resourceVersion=0"), get(CONFIG_MAPS+"?limit=1&resourceVersion=${2:metadata.resourceVersion}"), get(CONFIG_MAPS+"?limit=1&resourceVersion=${0:metadata.resourceVersion}"), get(CONFIG_MAPS+"?limit=1&resourceVersion=${0:metadata.resourceVersion}&resourceVersionMatch=Exact")),
scene("resourceVersion of lists", *THREE, FRESH, get(CONFIG_MAPS+"?resourceVersion=0"), get(CONFIG_MAPS+"?resourceVersion=${0:metadata.resourceVersion}"), get(CONFIG_MAPS+"?resourceVersion=${0:metadata.resourceVersion}&resourceVersionMatch=Exact"), get(CONFIG_MAPS+"?resourceVersion=${1:metadata.resourceVersion}&resourceVersionMatch=Exact"), get(CONFIG_MAPS+"?resourceVersion=${0:metadata.resourceVersion}&resourceVersionMatch=NotOlderThan"), get(CONFIG_MAPS+"?resourceVersion=0&resourceVersionMatch=NotOlderThan"), get(CONFIG_MAPS+"?resourceVersion=0&resourceVersionMatch=Exact"), get(CONFIG_MAPS+"?resourceVersionMatch=Exact"), get(CONFIG_MAPS+"?resourceVersionMatch=x&resourceVersion=1"), get(CONFIG_MAPS+"?resourceVersion=x"), get(CONFIG_MAPS+"?resourceVersion=-1"), get(CONFIG_MAPS+"?resourceVersion=1.5"), get(CONFIG_MAPS+"?resourceVersionMatch=NotOlderThan&limit=1"), get(CONFIG_MAPS+"?resourceVersion=01")),
scene("future resourceVersion", get(CONFIG_MAPS+"?resourceVersion=99999999999&resourceVersionMatch=NotOlderThan")),
scene("resourceVersion of get", *THREE, FRESH, get(CONFIG_MAP+"?resourceVersion=0"), get(CONFIG_MAP+"?resourceVersion=${0:metadata.resourceVersion}"), get(CONFIG_MAP+"?resourceVersion=x")),
scene("bad continue", get(CONFIG_MAPS+"?limit=1&continue=abc"), get(CONFIG_MAPS+"?limit=1&continue=%%%"), get(CONFIG_MAPS+"?limit=1&continue=eyJ2IjoieCJ9"), get(CONFIG_MAPS+"?limit=1&continue=e30"), get(CONFIG_MAPS+"?continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MCwic3RhcnQiOiJhIn0")),
scene("options faults", get(CONFIG_MAPS+"?watch=1&resourceVersionMatch=Exact"), get(CONFIG_MAPS+"?watch=1&resourceVersionMatch=NotOlderThan&resourceVersion=1"), get(CONFIG_MAPS+"?watch=1&sendInitialEvents=true"), get(CONFIG_MAPS+"?watch=1&sendInitialEvents=true&resourceVersionMatch=Exact"), get(CONFIG_MAPS+"?watch=1&sendInitialEvents=false&resourceVersionMatch=x"), get(CONFIG_MAPS+"?sendInitialEvents=true"), get(CONFIG_MAPS+"?sendInitialEvents=false&resourceVersionMatch=NotOlderThan"), get(CONFIG_MAPS+"?watch=1&continue=x&timeoutSeconds=1"), get(CONFIG_MAPS+"?watch=1&limit=x"), get(CONFIG_MAPS+"?watch=1&resourceVersion=x"), get(CONFIG_MAPS+"?watch=1&labelSelector=%3D"), get(CONFIG_MAPS+"?watch=1&fieldSelector=x%3Dy"), get(CONFIG_MAPS+"?watch=1&timeoutSeconds=x"), delete(CONFIG_MAPS+"?labelSelector=%3D"), delete(CONFIG_MAPS+"?fieldSelector=x%3Dy"), delete(CONFIG_MAPS+"?limit=x"), delete(CONFIG_MAPS+"?resourceVersionMatch=Exact"), delete(CONFIG_MAPS+"?continue=x"), delete(CONFIG_MAPS+"?propagationPolicy=x"), delete(CONFIG_MAPS,{"propagationPolicy":"x"}), delete(CONFIG_MAPS,{"preconditions":{"uid":"x"}})),
scene("deletecollection", *THREE, delete(CONFIG_MAPS+"?labelSelector=app%3Dx"), get(CONFIG_MAPS), delete(CONFIG_MAPS+"?fieldSelector=metadata.name%3Dc"), get(CONFIG_MAPS), delete(CONFIG_MAPS)),
scene("deletecollection with finalizers", post(CONFIG_MAPS,config_map("a",finalizers=["x.y/z"])), post(CONFIG_MAPS,config_map("b")), delete(CONFIG_MAPS), get(CONFIG_MAPS), patch(CONFIG_MAP,{"metadata":{"finalizers":None}}), get(CONFIG_MAPS)),
scene("deletecollection limit", *THREE, delete(CONFIG_MAPS+"?limit=1"), get(CONFIG_MAPS)),
scene("watch from a revision", *THREE, patch(CONFIG_MAP,{"data":{"x":"2"}}), delete(CONFIG_MAPS+"/b"), watch(CONFIG_MAPS+"?watch=1&resourceVersion=${0:metadata.resourceVersion}",4)),
scene("watch of all", *THREE, watch(CONFIG_MAPS+"?watch=1",3), watch(CONFIG_MAPS+"?watch=true&resourceVersion=0",3), watch("/api/v1/watch/namespaces/{namespace}/configmaps",3), watch("/api/v1/watch/namespaces/{namespace}/configmaps/a",1), watch(CONFIG_MAP+"?watch=1",1)),
scene("watch of one name", *THREE, patch(CONFIG_MAP,{"data":{"x":"2"}}), delete(CONFIG_MAP), post(CONFIG_MAPS,config_map("a")), watch(CONFIG_MAPS+"?watch=1&fieldSelector=metadata.name%3Da&resourceVersion=${0:metadata.resourceVersion}",3)),
scene("watch whose object stops matching", *THREE, patch(CONFIG_MAP,{"metadata":{"labels":{"app":"z"}}}), patch(CONFIG_MAP,{"data":{"x":"q"}}), patch(CONFIG_MAP,{"metadata":{"labels":{"app":"x"}}}), delete(CONFIG_MAP), watch(CONFIG_MAPS+"?watch=1&labelSelector=app%3Dx&resourceVersion=${1:metadata.resourceVersion}",3)),
scene("watch list", *THREE, watch(CONFIG_MAPS+"?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",4), watch(CONFIG_MAPS+"?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&resourceVersion=${0:metadata.resourceVersion}",4), watch(CONFIG_MAPS+"?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&labelSelector=app%3Dy",2), watch(CONFIG_MAPS+"?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",3), watch(CONFIG_MAPS+"?watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan&resourceVersion=${0:metadata.resourceVersion}",2), watch(CONFIG_MAPS+"?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&resourceVersion=0",4)),
scene("watch tables", *THREE, watch(CONFIG_MAPS+"?watch=1",3,Accept="application/json;as=Table;v=v1;g=meta.k8s.io"), watch(CONFIG_MAPS+"?watch=1",3,Accept="application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"), watch(CONFIG_MAPS+"?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",4,Accept="application/json;as=Table;v=v1;g=meta.k8s.io"), watch(CONFIG_MAPS+"?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",4,Accept="application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"), watch(CONFIG_MAPS+"?watch=1&includeObject=Object",3,Accept="application/json;as=Table;v=v1;g=meta.k8s.io")),
scene("watch of a future revision", watch(CONFIG_MAPS+"?watch=1&resourceVersion=99999999999&timeoutSeconds=1",0)),
scene("watch that ends", *THREE, watch(CONFIG_MAPS+"?watch=1&timeoutSeconds=1&resourceVersion=${2:metadata.resourceVersion}",0)),
scene("watch with deleted finalizers", post(CONFIG_MAPS,config_map("a",finalizers=["x.y/z"])), delete(CONFIG_MAP), patch(CONFIG_MAP,{"metadata":{"finalizers":None}}), watch(CONFIG_MAPS+"?watch=1&resourceVersion=${0:metadata.resourceVersion}",2)),
scene("watch of a status", post(PODS,pod()), patch(POD+"/status",{"status":{"phase":"Running"}}), post(POD+"/binding",{"metadata":{"name":"p"},"target":{"name":"n"}}), delete(POD+"?gracePeriodSeconds=0"), watch(PODS+"?watch=1&resourceVersion=${0:metadata.resourceVersion}",3), watch(PODS+"?watch=1&fieldSelector=spec.nodeName%3D&resourceVersion=${0:metadata.resourceVersion}",2), watch(PODS+"?watch=1&fieldSelector=spec.nodeName%3Dn&resourceVersion=${0:metadata.resourceVersion}",2)),
)
# fmt: on
