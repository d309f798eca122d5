"""How names and telephone numbers are taken out of words that quote them, in whatever writing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from channel_sync.channels.canonical import Guest

ERASED = "(erased)"
HIDDEN = "(hidden)"
# Shorter ones are found in words about something else: they go as they are written, and not in capitals or without.
SHORTEST = 3
# Of a telephone number, without what a caller from elsewhere puts before.
SHORTEST_NUMBER = 7
BETWEEN_DIGITS = r"(?:\(0\)|[\s().\-/])*"
BEFORE_DIGITS = rf"(?:(?:\+|\(?0{{1,2}}){BETWEEN_DIGITS})?"

Value = TypeVar("Value")


@dataclass(frozen=True)
class Names:
    """What a guest is called by: whole words of it are taken out, whatever their case, and numbers however written."""

    known: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()

    @classmethod
    def of(cls, guests: Iterable[Guest], called: Iterable[str] = ()) -> Names:
        """Full, first and last names, each of several first names, emails, telephone numbers; what else is said."""
        found, numbers = set(called), set()
        for guest in guests:
            found |= {full_name(guest), guest.first_name, guest.last_name, guest.email, guest.phone}
            found |= {one for one in re.split(r"[\s\-]+", guest.first_name) if len(one) >= SHORTEST}
            digits = re.sub(r"\D", "", guest.phone).lstrip("0")
            numbers |= {digits} if len(digits) >= SHORTEST_NUMBER else set()
        known = {one.strip() for one in found} - {"", HIDDEN}
        return cls(frozenset(filter(_is_telling, known)), frozenset(numbers))

    def taken_out(self, value: Value) -> Value:
        """A text, or every text in a value of JSON, without them."""
        pattern = self._pattern()
        taken: Any = value if pattern is None else _without(pattern, value)
        return taken  # type: ignore[no-any-return]

    def _pattern(self) -> re.Pattern[str] | None:
        """Longest first: a full name goes before its parts."""
        words = [
            re.escape(one) if len(one) < SHORTEST else f"(?i:{re.escape(one)})"
            for one in sorted(self.known, key=lambda one: (-len(one), one))
        ]
        forms = [rf"(?<!\w)(?:{'|'.join(words)})(?!\w)"] if words else []
        forms += [_number(digits) for digits in sorted(self.numbers)]
        return re.compile("|".join(forms)) if forms else None


def full_name(guest: Guest) -> str:
    """First and last name."""
    return f"{guest.first_name} {guest.last_name}".strip()


def _is_telling(name: str) -> bool:
    """One letter, and two digits, are in every text."""
    return len(name) >= SHORTEST or (len(name) == SHORTEST - 1 and name.isalpha())


def _number(digits: str) -> str:
    """A number with or without what comes before it from elsewhere, with anything between its digits."""
    ends = [BETWEEN_DIGITS.join(digits[first:]) for first in range(len(digits) - SHORTEST_NUMBER + 1)]
    return rf"(?<![\d+]){BEFORE_DIGITS}(?:{'|'.join(ends)})(?!\d)"


def _without(pattern: re.Pattern[str], value: Any) -> Any:
    if isinstance(value, str):
        return pattern.sub(ERASED, value)
    if isinstance(value, list):
        return [_without(pattern, one) for one in value]
    if isinstance(value, dict):
        return {name: _without(pattern, one) for name, one in value.items()}
    return value
