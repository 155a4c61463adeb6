"""schemathesis against a running `/v1`, every request signed, and against a running `/v2`."""
