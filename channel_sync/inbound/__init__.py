"""From a webhook to the PMS: webhook -> tasks -> handlers."""
