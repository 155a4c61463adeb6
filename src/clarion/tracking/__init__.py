"""What devices report: events in, de-duplication, roll-ups."""
