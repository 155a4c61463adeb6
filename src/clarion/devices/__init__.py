"""The device base: profiles, push tokens, registration, search, import and export."""
