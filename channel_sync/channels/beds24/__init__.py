"""Beds24, API V2."""
