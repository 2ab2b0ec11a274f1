"""The flags of each command, from where its peers are and the files of the cluster's keys. Pure but for the keys' files.

Source: the reference of each command; the certificates that "PKI certificates and requirements" names.
"""

from __future__ import annotations

import time
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from seaway.controlplane.apiserver.pki import Pki

HOST = "127.0.0.1"
SERVICE_NETWORK = "10.96.0.0/16"


def etcd_flags(data: Path, url: str, peer: str, pki: Pki, *, durable: bool) -> list[str]:
    """Return etcd's flags; one that is not durable does not wait for the disk."""
    return [
        f"--data-dir={data}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        f"--cert-file={pki.server.certificate}",
        f"--key-file={pki.server.key}",
        "--client-cert-auth",
        f"--trusted-ca-file={pki.ca.certificate}",
        *(() if durable else ("--unsafe-no-fsync",)),
    ]


def api_server_flags(port: int, etcd_url: str, pki: Pki) -> list[str]:
    """Return kube-apiserver's flags."""
    now = time.time()
    etcd = pki.client_pair("etcd-client", "kube-apiserver-etcd-client", (), now)
    kubelet = pki.client_pair("kubelet-client", "kube-apiserver-kubelet-client", ("system:masters",), now)
    return [
        f"--etcd-servers={etcd_url}",
        f"--etcd-cafile={pki.ca.certificate}",
        f"--etcd-certfile={etcd.certificate}",
        f"--etcd-keyfile={etcd.key}",
        f"--bind-address={HOST}",
        f"--secure-port={port}",
        "--endpoint-reconciler-type=none",  # an Endpoints object may not hold a loopback address
        f"--service-cluster-ip-range={SERVICE_NETWORK}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        f"--client-ca-file={pki.ca.certificate}",
        f"--tls-cert-file={pki.server.certificate}",
        f"--tls-private-key-file={pki.server.key}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={_public_key(pki)}",
        f"--service-account-signing-key-file={pki.service_account_key}",
        f"--kubelet-client-certificate={kubelet.certificate}",
        f"--kubelet-client-key={kubelet.key}",
        f"--kubelet-certificate-authority={pki.ca.certificate}",
        "--kubelet-preferred-address-types=InternalIP",
    ]


def scheduler_flags(kubeconfig: Path) -> list[str]:
    """Return kube-scheduler's flags."""
    return [f"--kubeconfig={kubeconfig}", "--leader-elect=false", "--secure-port=0"]


def controller_manager_flags(kubeconfig: Path, pki: Pki) -> list[str]:
    """Return kube-controller-manager's flags."""
    return [
        f"--kubeconfig={kubeconfig}",
        "--leader-elect=false",
        "--secure-port=0",
        "--use-service-account-credentials=true",
        f"--root-ca-file={pki.ca.certificate}",
        f"--cluster-signing-cert-file={pki.ca.certificate}",
        f"--cluster-signing-key-file={pki.ca.key}",
        f"--service-account-private-key-file={pki.service_account_key}",
    ]


def _public_key(pki: Pki) -> Path:
    """Return the key that service-account tokens are checked with; Kubernetes does not derive it from a PKCS 8 one."""
    path = pki.folder / "service-account.pub"
    key = pki.load_service_account_key().public_key()
    path.write_bytes(
        key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return path
