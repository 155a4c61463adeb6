"""CPU per Web Push notification beside `web-push` (npm) and `pywebpush`, against nginx.

    python -m bench.webpush [--quick]

Rooms: `sink` (nginx), `clients` (one run of one client, its CPU), `gateway_client`, `web_push.js` and
`pywebpush_client` (what runs in the clients' processes), `report` (table, JSON, documentation).
"""
