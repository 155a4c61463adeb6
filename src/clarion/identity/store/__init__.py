"""The SQL of identity: `people` with their v1 tokens, `sessions` on the administration API, the `audit` trail."""
