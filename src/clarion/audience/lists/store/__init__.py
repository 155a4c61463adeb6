"""The SQL of static lists: the lists and their sizes, queued changes, members."""
