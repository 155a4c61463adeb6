"""One file a revision: `NNNN_title.py`, plain SQL, compatible with the previous release."""
