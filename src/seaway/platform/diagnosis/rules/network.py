"""What a program could not reach, or was not let in to: names, hosts, certificates, permissions. Its log says so."""

from __future__ import annotations

import re

from seaway.base.messages import wording
from seaway.model.verdict import Level, VerdictClass
from seaway.platform.diagnosis.advice import again, kubectl
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding
from seaway.platform.diagnosis.spoken import LAST_OF_CHAIN, of_surroundings, said, spoken
from seaway.platform.diagnosis.tracebacks import exception

_DNS_DOWN = re.compile(
    r"(?i)temporary failure in name resolution|server misbehaving|\bEAI_AGAIN\b"
    r"|lookup \S+ on \S+: (?:read udp|dial udp)\S*.*(?:timeout|refused)|\[errno -3\]"
)
_NO_NAME = re.compile(
    r"(?i)name or service not known|could not resolve hostname|no such host|nodename nor servname|\bENOTFOUND\b|\[errno -2\]"
    r"|unknownhostexception|could not resolve host|could not translate host name"
    r"|no address associated with hostname"
)
_HOST = re.compile(
    r"host=['\"](?P<a>[\w.-]+)['\"]|lookup (?P<b>[\w.-]+)|UnknownHostException: (?P<c>[\w.-]+)|resolve host(?:name)?:? (?P<d>[\w.-]+)|host name \"(?P<e>[\w.-]+)\"|resolve ['\"](?P<f>[\w.-]+)['\"]"
    r"|connecting to (?P<g>[\w.-]+:\d+)|connect(?:ion)? to (?:server at )?['\"]?(?P<h>[\w-]+(?:\.[\w-]+)+(?::\d+)?)|https?://(?P<i>[\w.-]+(?::\d+)?)/"
)
_CERTIFICATE_OLD = re.compile(
    r"(?i)"
    r"certificate has expired|certificate is not yet valid|certificate expired|not yet valid: current time"
)
_CERTIFICATE = re.compile(
    r"(?i)"
    r"certificate verify failed|x509: certificate signed by unknown authority|unable to get local issuer"
    r"|self[- ]signed certificate|PKIX path building failed"
)
_CLOCK = re.compile(
    r"(?i)RequestTimeTooSkewed|difference between the request time and the (?:current|server)|clock skew"
    r"|token used before issued|certificate (?:has expired or )?is not yet valid"
)
_RBAC = re.compile(
    r'(?i)(?:is forbidden: )?user \\?"(?P<user>[^"\\]+)\\?" cannot (?P<verb>\w+) resource \\?"(?P<resource>[^"\\]+)\\?"'
    r'(?: in API group \\?"(?P<group>[^"\\]*)\\?")?(?: in the namespace \\?"(?P<namespace>[^"\\]+)\\?")?'
)
_ACCESS = re.compile(
    r"(?i)\bAccessDenied\b|AuthorizationPermissionMismatch|AuthenticationFailed|InvalidAccessKeyId"
    r"|SignatureDoesNotMatch|ExpiredToken|does not have storage\.\S+ access|NoCredentialsError"
    r"|Unable to locate credentials|DefaultCredentialsError|password authentication failed|401 client error"
    r"|403 client error|GatedRepoError|HTTP Error 40[13]|status code:? 40[13]|an error occurred \(40[13]\)"
    r"|error 40[13]: (?:unauthorized|forbidden)|<Response \[40[13]\]>|user is not logged in|api[_ ]key not configured"
    r"|invalid api key|(?:token|credentials?) (?:is|are|has|have) (?:invalid|expired)|Access Denied\b|\b40[13] (?:unauthorized|forbidden)"
    r"|access to (?:model|dataset) \S+ is restricted|authentication failed for|login failed for user|permission_denied.{0,60}(?:bucket|storage|dataset)"
    r"|error code: 40[13]\b|returned error: 40[13]\b|permission denied \((?:publickey|password|keyboard)|could not read (?:username|password) for|no api[_ ]key configured|missing credentials|407 client error"
)
_NO_KEY = re.compile(
    r"(?i)api[_ ]key (?:not )?configured|missing credentials|could not read (?:username|password) for|user is not logged in|NoCredentials|Unable to locate credentials|DefaultCredentialsError|must be authenticated"
)
_BUSY = re.compile(
    r"(?i)\(SlowDown\)|reduce your request rate|\b429\b.{0,40}(?:client error|too many)|too many requests|\(ThrottlingException\)|\(Throttling\)"
    r"|rateLimitExceeded|RequestLimitExceeded|ServerBusy|too many clients already|too many connections\b|returned error: 429\b|\b503:? (?:server error: )?slow ?down|error code: 429\b|http error 429"
)
_REFUSED = re.compile(r"(?i)connection refused|\bECONNREFUSED\b|\[errno 111\]")
_UNREACHABLE = re.compile(
    r"(?i)connect(?:ion)? ?timed? ?out|read timed out|urlopen error .{0,40}timed out"
    r"|TimeoutError: (?:timed out|the \w+ operation timed out)|ConnectTimeout|ReadTimeout|EndpointConnectionError"
    r"|connection reset by peer|no route to host|network is unreachable|\bETIMEDOUT\b|server disconnected"
    r"|RemoteDisconnected|50[234] server error|i/o timeout|Max retries exceeded"
    r"|context deadline exceeded|could not connect to server|couldn't connect to '?http"
    r"|LocalEntryNotFoundError|error code:? 50[234]\b|\b50[234] (?:bad gateway|service unavailable|gateway time-?out)|upstream connect error"
    r"|http error 50[234]\b"
)
_FAILED = re.compile(
    r"(?i)\b500 server error|http error 500\b|error code:? 500\b|status code:? 500\b|server error '500|\((?:InternalError|InternalServerError)\)"
)
_PORT = re.compile(r"(?i)address already in use|\bEADDRINUSE\b|port \d+ is (?:already )?in use|\[errno 98\]")
_LOCAL = re.compile(r"(?i)localhost|127\.0\.0\.1|\[::1\]|host='localhost'")


def clock_skewed(facts: Facts) -> Finding | None:
    """Find a service that did not trust the time of the node's clock."""
    line = said(facts, _CLOCK)
    if not line:
        return None
    message = wording("the clock of its node and that of a service disagree: the service refused it for that")
    if "not yet valid" in line:
        message = wording(
            "the clock of its node and that of a service disagree: by the node's, the certificate of the service is not good yet"
        )
    return spoken(
        facts, line, Level.NODE, of_surroundings(facts), "ClockSkew", message,
        wording("compare the node's clock: {command}; have the wrong one set (NTP), and until then run it elsewhere", command=_clock(facts)),
        retry=False,
    )  # fmt: skip


def _clock(facts: Facts) -> str:
    """Return the command that shows the time of the clock of a Pod's node."""
    node = ((facts.pod or {}).get("spec") or {}).get("nodeName") or "NODE"
    return f"kubectl debug node/{node} -it --image=busybox -- date -u"


def dns_failed(facts: Facts) -> Finding | None:
    """Find names that could not be looked up because the cluster's DNS did not answer."""
    line = said(facts, _DNS_DOWN)
    if not line:
        return None
    return spoken(
        facts, line, Level.CLUSTER, of_surroundings(facts), "DnsFailed",
        wording("the cluster's DNS did not answer{host}", host=_of_host(facts, line)),
        kubectl(facts, "kubectl get pods -n kube-system -l k8s-app=kube-dns"), retry=True,
    )  # fmt: skip


def unknown_host(facts: Facts) -> Finding | None:
    """Find a host that does not exist under the name that the program uses."""
    line = said(facts, _NO_NAME)
    if not line:
        return None
    return spoken(
        facts, line, Level.SPEC, VerdictClass.CONFIGURATION if facts.made else VerdictClass.USER, "UnknownHost",
        wording("there is no host of the name that it connects to{host}", host=_of_host(facts, line)),
        wording("correct the name, then: {command}", command=again(facts)),
    )  # fmt: skip


def certificate_expired(facts: Facts) -> Finding | None:
    """Find a certificate whose time is over."""
    line = said(facts, _CERTIFICATE_OLD)
    if not line:
        return None
    return spoken(
        facts, line, Level.CLUSTER, of_surroundings(facts), "CertificateExpired",
        wording("the certificate of a service that it talks to has expired"),
        wording("have the certificate renewed, then: {command}", command=again(facts)),
    )  # fmt: skip


def certificate_untrusted(facts: Facts) -> Finding | None:
    """Find a certificate of an authority that the container does not know."""
    line = said(facts, _CERTIFICATE)
    if not line:
        return None
    return spoken(
        facts, line, Level.CONTAINER, VerdictClass.CONFIGURATION if facts.made else VerdictClass.USER, "CertificateUntrusted",
        wording("the container does not know the authority that signed a service's certificate"),
        wording(
            "add the authority to the image, or name it in {variable}, then: {command}",
            variable="SSL_CERT_FILE", command=again(facts),
        ),
    )  # fmt: skip


def rbac_denied(facts: Facts) -> Finding | None:
    """Find a program that its service account does not let do something in the cluster."""
    line = said(facts, _RBAC)
    if not line:
        return None
    told = _RBAC.search(line)
    assert told is not None
    user, verb, resource = told["user"], told["verb"], told["resource"]
    where = told["namespace"]
    account = user.removeprefix("system:serviceaccount:").replace(":", "/")
    message = wording(
        "its service account {account!r} may not {verb} {resource} in the cluster",
        account=account, verb=verb, resource=resource,
    )  # fmt: skip
    if where:
        message = wording(
            "its service account {account!r} may not {verb} {resource} in the namespace {namespace!r}",
            account=account, verb=verb, resource=resource, namespace=where,
        )  # fmt: skip
    granting = _granting(user, verb, ".".join(filter(None, (resource, told["group"]))), where)
    return spoken(
        facts, line, Level.CLUSTER, VerdictClass.CONFIGURATION if facts.made else VerdictClass.USER, "RbacDenied",
        message, wording("have somebody who may grant it: {command}", command=granting),
    )  # fmt: skip


def _granting(user: str, verb: str, resource: str, namespace: str | None) -> str:
    """Return the commands that grant a right and no other."""
    name = f"{user.rpartition(':')[2]}-{verb}-{resource.partition('.')[0].replace('/', '-')}"
    kind, place = ("role", f" -n {namespace}") if namespace else ("clusterrole", "")
    return (
        f"kubectl create {kind} {name} --verb={verb} --resource={resource}{place} && "
        f"kubectl create {kind}binding {name} --{kind}={name} --user={user}{place}"
    )


def access_denied(facts: Facts) -> Finding | None:
    """Find a service that refused the program's credentials."""
    line = said(facts, _ACCESS)
    if not line:
        return None
    return spoken(
        facts, line, Level.SPEC, VerdictClass.CONFIGURATION if facts.made else VerdictClass.USER, "AccessDenied",
        wording(
            "a service that it needs{service} refused its credentials, or it has none{gated}",
            service=_of_host(facts, line) or _client(facts), gated=_object(facts),
        ),
        _credentials(facts, line),
    )  # fmt: skip


def _client(facts: Facts) -> str:
    """Name the library whose exception it is."""
    found = exception(facts)
    package = found.type.partition(".")[0] if found is not None and "." in found.type else ""
    known = {
        "botocore": "AWS",
        "boto3": "AWS",
        "google": "Google Cloud",
        "azure": "Azure",
        "requests": "",
        "urllib": "",
    }
    name = known.get(package, package)
    return f" ({name})" if name else ""


def _credentials(facts: Facts, line: str) -> str:
    if _NO_KEY.search(line):
        return wording(
            "correct the missing token, key or role that it is given (a Secret in its env, or its service account), then: {command}",
            command=again(facts),
        )
    return wording(
        "correct the token or credentials that it is given (a Secret in its env, or its service account), then: {command}",
        command=again(facts),
    )


def _object(facts: Facts) -> str:
    """Name the model or bucket that the program may not have, where the log does."""
    found = re.search(
        r"(?i)Access to (?:model|dataset) (?P<a>[\w./-]+) is restricted|gated repo for url https://\S+?/(?P<b>[\w.-]+/[\w.-]+)/resolve",
        facts.log_tail[-20_000:],
    )
    return wording(": {model} is gated", model=found["a"] or found["b"]) if found else ""


def service_busy(facts: Facts) -> Finding | None:
    """Find a service that answers fewer requests than it is sent."""
    line = said(facts, _BUSY, last=12 if exception(facts) is None else LAST_OF_CHAIN)
    if not line:
        return None
    return spoken(
        facts, line, Level.CLUSTER, of_surroundings(facts), "ServiceBusy",
        wording("a service that it reads from or writes to limits the rate of its requests{host}", host=_of_host(facts, line)),
        wording("make fewer requests at a time (fewer workers, larger parts), then: {command}", command=again(facts)),
        retry=True,
    )  # fmt: skip


def port_taken(facts: Facts) -> Finding | None:
    """Find a port on which another process listens already."""
    line = said(facts, _PORT)
    if not line:
        return None
    return spoken(
        facts, line, Level.CODE, VerdictClass.USER, "PortInUse",
        wording("it wants to listen on a port that another process of the pod or node has"),
        wording("take another port (0 for any free one), then: {command}", command=again(facts)),
    )  # fmt: skip


def service_down(facts: Facts) -> Finding | None:
    """Find a host that is there and on which nothing listens."""
    line = said(facts, _REFUSED)
    if not line:
        return None
    if _LOCAL.search(line):
        return spoken(
            facts, line, Level.SPEC, VerdictClass.CONFIGURATION if facts.made else VerdictClass.USER, "ServiceRefused",
            wording("it connects to its own container ({host}), where nothing listens", host="localhost"),
            wording(
                "give it the address of the service, not {host}, then: {command}",
                host="localhost", command=again(facts),
            ),
        )  # fmt: skip
    return spoken(
        facts, line, Level.CLUSTER, of_surroundings(facts), "ServiceRefused",
        wording("a service that it needs is not running{host}", host=_of_host(facts, line)),
        kubectl(facts, "kubectl get pods,endpoints", wording("start the service, then run it again")), retry=True,
    )  # fmt: skip


def unreachable(facts: Facts) -> Finding | None:
    """Find a service that does not answer in time, or that fails itself."""
    line = said(facts, _FAILED, last=12)
    if line:
        return spoken(
            facts, line, Level.CLUSTER, of_surroundings(facts), "ServiceFailed",
            wording("a service that it reads from or writes to answered with a failure of its own{host}", host=_of_host(facts, line)),
            wording("look at that service, then: {command}", command=again(facts)), retry=True,
        )  # fmt: skip
    line = said(facts, _UNREACHABLE, last=12)
    if not line:
        return None
    return spoken(
        facts, line, Level.CLUSTER, of_surroundings(facts), "ServiceUnreachable",
        wording("a service that it reads from or writes to did not answer{host}", host=_of_host(facts, line)),
        wording("see whether the service is up, then: {command}", command=again(facts)), retry=True,
    )  # fmt: skip


def _of_host(facts: Facts, line: str) -> str:
    for text in (line, *reversed(facts.log_tail.splitlines()[-40:])):
        if found := _HOST.search(text):
            return f" ({next(filter(None, found.groups()))})"
    return ""
