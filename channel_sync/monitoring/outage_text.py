"""What an alert says about a database that is away, or that cannot be worked with, and what to do about it."""

from __future__ import annotations

from django.db import ProgrammingError
from psycopg.errors import InsufficientPrivilege

AWAY = (
    "The database does not answer, or takes no writes: webhooks are refused, and sent again by the channel for about "
    "half an hour. Start PostgreSQL, or point DATABASE_URL at the primary; then run a reconciliation of bookings."
)
OTHER_TABLES = (
    "The database answers, and its tables do not fit the code ({name}): a release was installed and not migrated, or a "
    "process still runs the old one. Run 'manage.py migrate', then restart web servers, workers, beat and watches. "
    "What needs these tables waits; if webhooks were refused for over half an hour, compare bookings."
)
NO_PRIVILEGE = (
    "The database answers, and its user may not do what the code needs ({name}). Grant the user of DATABASE_URL its "
    "tables again, or connect as their owner; then run a reconciliation of bookings."
)


def outage_text(error: Exception) -> str:
    """By the class of the error; its text may quote a statement, which has no place in an alert."""
    name = type(error.__cause__ or error).__name__
    if isinstance(error.__cause__, InsufficientPrivilege):
        return NO_PRIVILEGE.format(name=name)
    if isinstance(error, ProgrammingError):
        return OTHER_TABLES.format(name=name)
    return AWAY
