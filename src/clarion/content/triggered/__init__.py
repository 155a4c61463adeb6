"""Triggered messages: in-apps and alarms, which a device shows when its triggers are met."""
