"""The PMS API."""
