"""The border for everything that a channel sends: what comes in from here on, PostgreSQL can keep."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pydantic_core

# NUL, and half a surrogate pair: JSON can write both, `text` and `jsonb` hold neither.
NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# What the strict parser lets through: an escaped NUL, and numbers that may be beyond the bounds of a float.
ESCAPED_NUL = b"\\u0000"
GREAT_NUMBER = re.compile(rb"\d(?:[eE]\+?\d{3}|\d{199})")
# No channel nests deeper; Python gives up at a depth that varies with the caller's stack.
MAX_DEPTH = 100
# A float ends at 308 digits. `int` refuses very long numbers, and takes long over those just below that.
MAX_DIGITS = 300


def read_json(body: bytes) -> Any:
    """The JSON of a channel, storable. Raises `ValueError` for what is not JSON, or nested beyond all measure."""
    if ESCAPED_NUL not in body and not GREAT_NUMBER.search(body):
        try:
            return pydantic_core.from_json(body, allow_inf_nan=False)
        except ValueError:
            pass  # Perhaps no JSON at all; perhaps only something odd, which is not worth a booking.
    text = body.decode(json.detect_encoding(body), errors="replace")
    try:
        # Not strict: a raw control character, such as a tab in a name, is not worth a booking either.
        return storable(json.loads(text, parse_int=_integer, strict=False))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def storable(value: Any) -> Any:
    """A value of JSON that PostgreSQL can keep: an odd name must not cost the booking, nor its neighbours.

    A character that cannot be stored becomes U+FFFD. A number beyond all bounds becomes its name, such as "Infinity":
    whoever reads the field refuses it by the field's name, and in a field that nobody reads it does no harm. What is
    nested deeper than `MAX_DEPTH` is left out.
    """
    return _storable(value, MAX_DEPTH)


def storable_text(text: str) -> str:
    """A text without the characters that PostgreSQL refuses."""
    return NOT_STORABLE.sub(REPLACEMENT, text)


def _storable(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else _name(value)
    if not isinstance(value, dict | list):
        return value
    if depth == 0:
        return None
    if isinstance(value, list):
        return [_storable(item, depth - 1) for item in value]
    return {storable_text(key): _storable(item, depth - 1) for key, item in value.items()}


def _name(number: float) -> str:
    """As JavaScript, Python and PostgreSQL spell it."""
    if math.isnan(number):
        return "NaN"
    return "Infinity" if number > 0 else "-Infinity"


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= MAX_DIGITS else float(digits)
