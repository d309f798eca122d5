"""Errors of the database itself: it is away, takes no writes, or its tables are those of another release.

Whatever meets one of them is to be done again once the database is right. A `DataError` or an `IntegrityError` is not
among them: it is the fault of what was written.
"""

from __future__ import annotations

from django.db import InterfaceError, InternalError, NotSupportedError, OperationalError, ProgrammingError

DATABASE_FAULTS = (OperationalError, InterfaceError, InternalError, NotSupportedError, ProgrammingError)
