"""Sends under kill -9: whatever dies, and whenever, every device is accounted for.

The long run is a command of its own: `python -m tests.faults --kills 20 --devices 20000`.
"""
