"""What keeps the demo or the tests from starting."""


class ServiceUnavailable(Exception):
    """A service is not there and cannot be started; the message says what to do."""
