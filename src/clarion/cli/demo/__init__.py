"""`clarion demo`: a company, its applications and devices, and a campaign delivered to them, from nothing."""
