"""Personal data that is taken out in time, and rows that are deleted in time."""
