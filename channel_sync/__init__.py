"""Keep a property management system and its channel managers equal, through a durable event log."""
