"""The `/v2` surface: OAuth2 clients, problem details (v2-behaviour sections 1 to 6).

This release has the frame (transport, routes, authentication, scopes, the open documents); the operations themselves
stand in the not-yet-built table.
"""
