"""Free units by room type and night."""
