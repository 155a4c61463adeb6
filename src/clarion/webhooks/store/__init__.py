"""The SQL of webhooks: endpoints with their secrets, events, and deliveries.

Whoever needs both an endpoint's row and deliveries of it takes the endpoint's first.
"""
