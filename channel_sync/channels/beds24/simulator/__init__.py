"""A Beds24 to develop and test against: the API of the facts page over HTTP, with state, webhooks and faults."""
