"""Events of resources that clients are told of at endpoints of theirs, following Standard Webhooks."""
