"""What runs in the clients' processes: one program for each client, each printing one line of JSON at its end.

`answered` (requests answered with success), `user_before` and `system_before` (CPU seconds spent on loading) and
`seconds`.
Programs of others' clients run in the environments of `bench.peers`; those import nothing of Clarion.
"""
