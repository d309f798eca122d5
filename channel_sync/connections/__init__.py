"""Accounts at channels: tokens, clients, connecting a property."""
