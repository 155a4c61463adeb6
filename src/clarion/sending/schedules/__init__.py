"""Schedules: when a message is sent by itself, and the days and dates on which it is not (v1 rules 58 to 63)."""
