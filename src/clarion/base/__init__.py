"""The ground floor: settings, clock, sealing, telemetry, errors. Imports nothing of Clarion's."""
