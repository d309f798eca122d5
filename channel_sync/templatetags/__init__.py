"""Template tags for pages of channel_sync and of its host."""
