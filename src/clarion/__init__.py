"""Clarion: one installation through which a company speaks to its customers and hears what they ask."""

__version__ = "0.1.0"
