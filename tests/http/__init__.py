"""Tests of the HTTP clients, against a real HTTP/2 server in the same process."""
