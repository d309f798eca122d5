"""What can be done with reservations and rates."""
