"""The SQL of accounts and of what belongs to them: `accounts`, `sites` (with services) and `points` (of interest)."""
