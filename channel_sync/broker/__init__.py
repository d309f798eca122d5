"""RabbitMQ: topology, publisher with confirms, relay task."""
