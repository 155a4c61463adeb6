"""schemathesis against a running `/v1`, every request signed."""
