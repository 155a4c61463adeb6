"""The SQL of snapshots: `state` of each, `changes` of devices, and `reading` of their columns."""
