"""What became of every device of a send, and the reports read from it: targets, clicks, daily statistics, progress."""
