"""Clarion as an HTTP client: `h2` speaks to the push gateways; everything else goes through the HTTP/1.1 client.

Leaves to others: what the requests mean (`clarion.gateways`, `clarion.webhooks`) and the server side (`clarion.api`).
"""
