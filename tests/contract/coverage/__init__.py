"""Which test proves which operation and which numbered rule of a contract; `docs/contract-coverage.md` is made here."""
