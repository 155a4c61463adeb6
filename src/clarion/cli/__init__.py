"""The `clarion` command: one module for each family of commands, `output` and `options` for what they share."""
