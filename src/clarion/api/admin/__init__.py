"""The surface `/admin`: what the console and scripts of an installation call.

`surface.py` is the way of every request: route, session, role, application, parameters, body, handler, answer, audit.
Handlers stand in a module per family of resources; which operationId runs which handler is bound in `assembly`.
"""
