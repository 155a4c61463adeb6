"""Inbox messages: what they say and whom they are for, and what each device did with its copy (v1 rules 99 to 101)."""
