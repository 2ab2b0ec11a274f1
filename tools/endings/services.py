"""What a program cannot reach or may not do: names, certificates, services, rights."""

from __future__ import annotations

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tools.endings.ending import (
    CONFIGURATION,
    INFRASTRUCTURE,
    USER,
    Ending,
    Object,
    container,
    job,
    made,
)  # fmt: skip

_YEAR = datetime.timedelta(days=365)
_TLS = """import os, socket, ssl, threading
open('service.pem', 'w').write(os.environ['SERVICE'])
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('service.pem')
listener = socket.create_server(('127.0.0.1', 0))
def serve():
    try: context.wrap_socket(listener.accept()[0], server_side=True)
    except OSError: pass
threading.Thread(target=serve, daemon=True).start()
client = ssl.create_default_context(cafile=TRUSTED)
client.wrap_socket(socket.create_connection(listener.getsockname()), server_hostname='data.example.com')
"""
_SILENT = """import socket, urllib.request
silent = socket.create_server(('127.0.0.1', 0))
urllib.request.urlopen('http://127.0.0.1:%d/train.csv' % silent.getsockname()[1], timeout=1)
"""
_FORBIDDING = """import http.server, threading, urllib.request
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self): self.send_error(403)
    def log_message(self, *told): pass
server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
urllib.request.urlopen('http://127.0.0.1:%d/train.csv' % server.server_port)
"""
_BUSY = """import http.server, threading, botocore.config, botocore.session
class Handler(http.server.BaseHTTPRequestHandler):
    def do_PUT(self):
        self.rfile.read(int(self.headers['Content-Length']))
        body = b'<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>'
        self.send_response(503, 'Slow Down')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *told): pass
server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = botocore.session.get_session().create_client(
    's3', 'eu-west-1', endpoint_url='http://127.0.0.1:%d' % server.server_port, aws_access_key_id='key', aws_secret_access_key='key',
    config=botocore.config.Config(retries={'max_attempts': 1}, s3={'addressing_style': 'path'}))
client.put_object(Bucket='models', Key='step-100.pt', Body=b'weights')
"""
"""Writes to an object storage that answers as S3 does to who asks too much of it."""
_LIST_PODS = """import json, ssl, urllib.error, urllib.request
folder = '/var/run/secrets/kubernetes.io/serviceaccount/'
request = urllib.request.Request('@SERVER@/api/v1/namespaces/@NAMESPACE@/pods')
request.add_header('Authorization', 'Bearer ' + open(folder + 'token').read())
try: urllib.request.urlopen(request, context=ssl.create_default_context(cafile=folder + 'ca.crt'))
except urllib.error.HTTPError as error: raise SystemExit(json.load(error)['message'])
"""
_NO_SERVER = {"dnsPolicy": "None", "dnsConfig": {"nameservers": ["127.0.0.253"], "options": [{"name": "timeout", "value": "1"}, {"name": "attempts", "value": "1"}]}}  # fmt: skip
_NOBODY = {"securityContext": {"runAsUser": 65534}}


def _certificate(begins: datetime.timedelta, ends: datetime.timedelta) -> str:
    """Return a certificate that signed itself, and its key, good for a time counted from now (PEM)."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "data.example.com")])  # fmt: skip
    now = datetime.datetime.now(datetime.UTC)
    made_of = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made_of = made_of.not_valid_before(now + begins).not_valid_after(now + ends)
    names = x509.SubjectAlternativeName([x509.DNSName("data.example.com")])
    signed = made_of.add_extension(names, critical=False).sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return (signed.public_bytes(pem) + plain).decode()


def _talks_tls(begins: datetime.timedelta, ends: datetime.timedelta, trusted: str) -> tuple[Object, ...]:
    """Return a job that talks to a service with such a certificate."""
    env = [{"name": "SERVICE", "valueFrom": {"secretKeyRef": {"name": "service", "key": "pem"}}}]
    secret = made("v1", "Secret", "service", stringData={"pem": _certificate(begins, ends)})
    return secret, job(container(_TLS.replace("TRUSTED", trusted), env=env))


SERVICES = {
    "port-in-use": Ending(
        "PortInUse", USER, "code",
        (job(container("import socket\na = socket.create_server(('127.0.0.1', 0))\nb = socket.create_server(a.getsockname())")),),
    ),
    "connection-refused": Ending(
        "ServiceRefused", INFRASTRUCTURE, "cluster", (job(container("import urllib.request; urllib.request.urlopen('http://127.0.0.1:1/')")),), retry=True,
    ),
    "connection-to-itself-refused": Ending(
        "ServiceRefused", CONFIGURATION, "spec",
        (job(container("import socket\ntry: socket.create_connection(('127.0.0.1', 1))\nexcept OSError as error: raise SystemExit(f'postgresql at localhost:1: {error}')")),),
        message="localhost",
    ),
    "service-silent": Ending("ServiceUnreachable", INFRASTRUCTURE, "cluster", (job(container(_SILENT)),), retry=True),
    "service-busy": Ending("ServiceBusy", INFRASTRUCTURE, "cluster", (job(container(_BUSY)),), retry=True, message="limits the rate"),
    "unknown-host": Ending("UnknownHost", CONFIGURATION, "spec", (job(container("import urllib.request; urllib.request.urlopen('http://no-such-host.@NAMESPACE@.svc.cluster.local/')")),)),
    "dns-down": Ending("DnsFailed", INFRASTRUCTURE, "cluster", (job(container("import socket; socket.create_connection(('data.example.com', 443))"), pod_spec=_NO_SERVER),), retry=True),
    "certificate-expired": Ending("CertificateExpired", INFRASTRUCTURE, "cluster", _talks_tls(-2 * _YEAR, -_YEAR, "'service.pem'")),
    "certificate-untrusted": Ending("CertificateUntrusted", CONFIGURATION, "container", _talks_tls(-_YEAR, _YEAR, "None")),
    "clock-behind": Ending("ClockSkew", INFRASTRUCTURE, "node", _talks_tls(_YEAR, 2 * _YEAR, "'service.pem'"), message="clock"),
    "access-denied": Ending("AccessDenied", CONFIGURATION, "spec", (job(container(_FORBIDDING)),)),
    "forbidden-by-rbac": Ending("RbacDenied", CONFIGURATION, "cluster", (job(container(_LIST_PODS)),), message="may not list pods", next="-n forbidden-by-rbac"),
    "permission-denied": Ending(
        "PermissionDenied", CONFIGURATION, "container", (job(container(command=["/bin/cat", "/etc/shadow"]), pod_spec=_NOBODY),), message="uid 65534.*'/etc/shadow'"
    ),
    "read-only-file-system": Ending(
        "ReadOnlyFileSystem", CONFIGURATION, "spec",
        (made("v1", "ConfigMap", "params", data={"epochs": "3"}),
         job(container("open('/etc/params/lr', 'w')", volumeMounts=[{"name": "params", "mountPath": "/etc/params"}]), pod_spec={"volumes": [{"name": "params", "configMap": {"name": "params"}}]})),
        message="/etc/params/lr",
    ),
}  # fmt: skip
