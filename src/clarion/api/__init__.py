"""The HTTP edge: the contract engine, the ASGI core, and one package per surface (v1, v2, sdk, admin).

Modules here translate between the wire and the capabilities below; they hold no rules of the business and no SQL.
"""
