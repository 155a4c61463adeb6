"""Support cases of an account's services, and the conversation about each."""
