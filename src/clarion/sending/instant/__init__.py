"""Instant messages: an existing message, said again at once to the targets of one call (v1 rules 47 to 56)."""
