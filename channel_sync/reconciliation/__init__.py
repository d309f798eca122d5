"""Compare the PMS with a channel: fix what is safe, flag the rest."""
