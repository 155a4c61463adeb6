"""Bringing a company over from another system: its devices, lists and history, out of files."""
