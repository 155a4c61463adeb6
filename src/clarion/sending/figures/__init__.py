"""Sums over all sends of the installation, for those who watch it: `store` reads them from the ledger."""
