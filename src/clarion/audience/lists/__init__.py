"""Static lists: devices put on a list by name, until a date or for good, with values for the texts sent to them.

What the API asks for is queued and applied in order, list by list; files are loaded straight.
"""
