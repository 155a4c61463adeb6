"""Applications: platforms, device columns, gateway credentials, templates, and who may manage what."""
