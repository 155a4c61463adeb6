"""Counts that take longer than somebody waits for an answer: done by a job, looked at meanwhile, given up unwatched."""
