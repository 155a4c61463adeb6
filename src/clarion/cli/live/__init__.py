"""`clarion status --live`: `figures` reads what moves, `screen` draws it, `command` keeps the two going."""
