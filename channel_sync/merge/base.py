"""What one side looked like when both last agreed, kept so that it can be compared and names nobody.

A personal field is kept as a digest, which differs from booking to booking: a base only has to say whether a value is
still the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from channel_sync.merge.fields import PERSONAL, Field, Values

DIGEST_LENGTH = 32


@dataclass(frozen=True)
class Base:
    """The marks of the fields that are known; `salt` is of the booking that they are of."""

    salt: str
    marks: Mapping[str, Any]

    def knows(self, field: Field) -> bool:
        """Whether the side had the field then."""
        return field.value in self.marks

    def holds(self, field: Field, value: Any) -> bool:
        """Whether the side had this value; false where it is not known."""
        return self.knows(field) and self.marks[field.value] == self._mark(field, value)

    def updated(self, values: Values, but: Collection[Field] = ()) -> Base:
        """With the values of the fields that are there, `but` for some; the others stay."""
        marks = {field.value: self._mark(field, value) for field, value in values.items() if field not in but}
        return Base(self.salt, {**self.marks, **marks})

    def _mark(self, field: Field, value: Any) -> Any:
        if field not in PERSONAL:
            return value
        written = json.dumps([self.salt, field.value, value], ensure_ascii=False)
        return hashlib.sha256(written.encode()).hexdigest()[:DIGEST_LENGTH]
