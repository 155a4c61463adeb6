"""How fast devices are taken in: profiles and registrations beside parse-server, and reports, over loopback.

    python -m bench.ingest

`ours` and `parse` are the two sides, `load` is the client that both get, `report` makes the tables.
"""
