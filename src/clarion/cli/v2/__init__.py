"""Commands that call the v2 API of an installation as an API client, wherever it runs."""
