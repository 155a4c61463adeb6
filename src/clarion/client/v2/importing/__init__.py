"""Accounts, sites, services and invoices out of CSV files, by external reference, repeatable without doubles."""
