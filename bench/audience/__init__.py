"""What counting an audience costs: the same five-condition predicate by SQL and over the snapshot, in turn.

    python -m bench.audience --devices 1000000 10000000

Also predicates with a static list and with event windows, which are always answered by SQL; how long a snapshot takes
to make and to refresh after 10,000 changes; what a reader keeps in memory; what noting changes costs writers.
"""
