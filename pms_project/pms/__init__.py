"""The PMS: hotels, rooms, rates, guests, reservations."""
