"""What the sync is doing, in figures."""
