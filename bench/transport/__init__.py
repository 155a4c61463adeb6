"""CPU per request of the bare HTTP/2 channel beside `h2load` and `@parse/node-apn`, against nginx.

    python -m bench.transport [--quick]

Rooms: `sink` (nginx), `clients` (one run of one client, its CPU), `channel_client` and `node_apn.js` (what runs in the
clients' processes), `report` (table, JSON, documentation).
"""
