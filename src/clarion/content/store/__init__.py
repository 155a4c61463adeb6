"""The SQL of content: `campaigns`, and `messages` with their actions."""
