"""From a save in the PMS to a channel: signals -> enqueue -> tasks -> bookings, availability, rates."""
