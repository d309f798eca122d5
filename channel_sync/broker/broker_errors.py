"""What a broker that is away, overloaded or in another state than expected raises."""

from __future__ import annotations

from amqp.exceptions import AMQPError
from kombu.exceptions import OperationalError

# A broker that closes a connection on purpose ("forced", an internal error) raises neither of the first two.
BROKER_ERRORS = (OSError, OperationalError, AMQPError)
