"""Sends: begun with their cause, planned into frozen chunks, delivered through gateways, closed with exact sums."""
