"""Benchmarks: each prints a ratio against a bare reference that is measured in the same run, on the same machine."""
