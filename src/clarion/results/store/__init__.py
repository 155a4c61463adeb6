"""The SQL of `send_chunk`: the frozen audience of a send and the ledger of its outcomes in one table.

A chunk is written whole by `freezing` (or by `past`, when its send was made elsewhere), taken forward in small steps by
`chunks`, and read by `targets`, page by page, and `pressing`, device by device. Who may write when is decided in
`sending`; these statements run in its transactions.
"""
