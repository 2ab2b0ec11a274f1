"""What a person does after an installation. Pure; the chart's NOTES.txt says the same."""

from __future__ import annotations

from seaway.platform.deploy.release import Release
from seaway.platform.deploy.values import Values

FORWARDED = "https://localhost:8443"


def next_steps(values: Values, release: Release) -> str:
    """Return the commands that lead to a first login as administrator."""
    get = f"kubectl -n {release.namespace} get secret"
    token = f"{get} {values.token.secret or release.token_secret} -o jsonpath='{{.data.token}}' | base64 -d |"
    url, steps = FORWARDED, []
    if values.ingress.enabled:
        url = f"https://{values.ingress.host}"
    elif values.tls.public and values.url:
        url = values.url.rstrip("/")
    else:
        steps.append(
            f"kubectl -n {release.namespace} port-forward service/{release.name} 8443:{values.service.port} &"
        )
    login = f"seaway login {url} --token-stdin"
    if not values.ingress.enabled and not values.tls.public:
        authority = values.tls.secret or release.tls_secret
        steps.append(f"{get} {authority} -o jsonpath='{{.data.ca\\.crt}}' | base64 -d > seaway-ca.pem")
        login += " --ca seaway-ca.pem"
    steps.append(f"{token} {login}")
    return "\n".join(steps)
