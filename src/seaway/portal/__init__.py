"""The REST API: how users and pods reach a server over HTTPS.

It translates, and decides nothing: paths, tokens, bodies and limits on one side, the methods of `RunService` on the other,
and every error in one shape. What a run is, whether a request may succeed and where bytes are kept is the platform's.
"""
