"""People of the dashboard, their API keys and v1 tokens, the v1 signature, and the audit trail."""
