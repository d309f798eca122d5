"""Writes of the host's rows, whoever makes them, captured by triggers in the transaction of the write."""
