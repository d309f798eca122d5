"""Notifications sent to addresses that have subscribed: signed, in order, each until it was taken."""
