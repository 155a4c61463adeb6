"""Invoices and their line details, with exact amounts (v2 section 12)."""
