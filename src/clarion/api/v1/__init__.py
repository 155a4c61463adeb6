"""The surface `/v1`: signed requests with a 24 h token, wire-compatible with the retired vendor's API.

`surface.py` is the way of every request: route, token, signature, right, body, handler, answer. Handlers stand in a
module per group of operations; which operationId runs which handler is bound in `assembly`.
"""
