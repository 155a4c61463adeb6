"""Measurements: Clarion beside clients and servers others wrote. Each bench is one command and says what it needs."""
