"""How Beds24 writes dates and times, and what it takes for an email address."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

from jsonschema import FormatChecker

DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", re.ASCII)
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")

FORMATS = FormatChecker(formats=())


@FORMATS.checks("date", raises=ValueError)
def is_date(value: Any) -> bool:
    """`2026-12-31`, and a day that there is."""
    return not isinstance(value, str) or (DAY.fullmatch(value) is not None and bool(date.fromisoformat(value)))


@FORMATS.checks("date-time", raises=ValueError)
def is_time(value: Any) -> bool:
    """`2026-12-31T23:59:59Z`."""
    return not isinstance(value, str) or (TIME.fullmatch(value) is not None and bool(datetime.fromisoformat(value)))


@FORMATS.checks("date-or-time", raises=ValueError)
def is_date_or_time(value: Any) -> bool:
    """Either of the two."""
    return is_date(value) or is_time(value)


@FORMATS.checks("loose-time", raises=ValueError)
def is_loose_time(value: Any) -> bool:
    """A time of a webhook, which may come without its Z."""
    return not isinstance(value, str) or is_time(value.removesuffix("Z") + "Z")


@FORMATS.checks("email", raises=ValueError)
def is_email(value: Any) -> bool:
    """An address; an empty text is none."""
    return not isinstance(value, str) or EMAIL.fullmatch(value) is not None
