"""What a request of `/v2` costs beside the same resource written plainly in FastAPI with SQLAlchemy, over loopback.

    python -m bench.v2

`ours` and `plain` are the two sides, `plain_server` is the program of the other one; the client is that of
`bench.ingest`, `report` makes the table.
"""
