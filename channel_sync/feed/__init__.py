"""What has happened, read page by page by whoever may see it."""
