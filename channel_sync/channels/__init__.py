"""What a channel is, and the channels there are."""
