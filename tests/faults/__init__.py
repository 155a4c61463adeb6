"""Sends while something goes wrong: whatever fails, and whenever, every device is accounted for.

Each run is a file with one function `run(stage, size) -> Row`; `catalogue` lists them. `python -m tests.faults` makes
all of them and prints one table, `test_faults` makes the short form of each in the suite.
"""
