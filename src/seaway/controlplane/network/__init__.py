"""What makes services reachable: balancing, names and Ingresses. Clients of the API server like all parts.

What kube-proxy, CoreDNS and an Ingress controller do on real Kubernetes. The pods of all nodes share this machine's
network, so one of each serves the whole cluster. `balance`, `zone` and `routes` decide, purely; the others act.
"""
