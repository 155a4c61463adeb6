"""Clients of an installation's APIs, for integrators' programs and for our command line. They know no server code."""
