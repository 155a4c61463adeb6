"""Programs for those who work on Clarion; no part of the package."""
