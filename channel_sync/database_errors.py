"""Errors of the database itself: it is away, takes no writes, or its tables are those of another release.

Whatever meets one of them is to be done again once the database is right. A `DataError` or an `IntegrityError` is not
among them: it is the fault of what was written.
"""

from __future__ import annotations

from django.db import InterfaceError, InternalError, NotSupportedError, OperationalError, ProgrammingError

DATABASE_FAULTS = (OperationalError, InterfaceError, InternalError, NotSupportedError, ProgrammingError)

# Connections refused or lost, and a server that shuts down, has crashed, or only starts.
CUT = ("08", "57P")


def is_cut(error: Exception) -> bool:
    """Whether the connection was cut: that says nothing about what was done on it."""
    if isinstance(error, InterfaceError):
        return True
    sqlstate: str | None = getattr(error.__cause__, "sqlstate", None)
    return isinstance(error, OperationalError) and (sqlstate is None or sqlstate.startswith(CUT))
