"""Puts processes together: the supervisor, the roles, and the only bindings of names to functions across the house."""
