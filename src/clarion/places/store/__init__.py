"""The SQL of places: one file a table, and `names` for what is asked of all of them alike."""
