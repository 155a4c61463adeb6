"""The service desk: cases with their messages, and invoices."""
