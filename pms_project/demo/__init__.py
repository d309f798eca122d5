"""`make demo`: a whole installation on this machine that plays a booking each way."""
