"""Fast counts on large applications: a snapshot of the device columns in Arrow files, evaluated by Polars.

It is a cache with its age shown, never the truth: sends and exact counts are SQL. Files lie in one folder of the
installation and can be deleted at any time. `service` answers counts, `worker` makes and refreshes snapshots.
"""
