"""What is said: campaigns, push messages in their languages, and how they are rendered for a device."""
