"""PostgreSQL, RabbitMQ and our own processes on this machine, for the demo and the tests."""
