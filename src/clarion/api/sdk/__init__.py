"""The surface `/sdk`: what applications call from the devices they run on.

`surface.py` is the way of every request: route, credentials, body, handler, answer. Handlers stand in a module per
resource; which operationId runs which handler is bound in `assembly`.
"""
