"""Ways in which a hotel lost a booking, a room or a guest's data; each test failed before its danger was closed."""
