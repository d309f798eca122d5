"""The admin API for the PMS frontend: thin over `operations`."""
