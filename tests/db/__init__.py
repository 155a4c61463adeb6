"""Tests of clarion.db."""
