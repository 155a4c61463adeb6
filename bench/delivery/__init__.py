"""CPU per push of Clarion's HTTP/2 channel and gateways beside the clients others wrote, against nginx.

    python -m bench.delivery [--quick] [--only NAME ...]

Rooms: `sink` (nginx), `work` (one run of one client, its CPU), `clients` (the list of them and how each is started),
`programs` (what runs in the clients' processes), `report` (tables, JSON, documentation).
"""
