"""Accounts: the operator's customers, with their contacts, sites, services, points of interest and wait times."""
