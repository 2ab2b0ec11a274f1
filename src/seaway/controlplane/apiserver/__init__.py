"""The embedded Kubernetes API server: one framework-free core, reached over TLS or in the same process.

Requests and answers are values (`messages`); the path of one request is a straight line: who is it, may it, which kind,
which verb, admission, store. Verbs are generic over `Kind` declarations; nothing here knows a controller, the scheduler
or a node beyond the `NodeHandler` protocol. Only this package touches the store.
"""
