"""Bodies may hold only what is documented: a misspelt option left out would do more than was meant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework import serializers

from channel_sync.api.known_parameters import printable


class KnownKeys:
    """Mixin of serializers: a key that is not known is refused, and the answer names those that are."""

    # What may be sent back as it was read, and is left unread.
    read_back: ClassVar[tuple[str, ...]] = ()

    def to_internal_value(self, data: Any) -> Any:
        """Raises `ValidationError`, by key."""
        serializer: Any = self
        if isinstance(data, Mapping):
            known = {name for name, field in serializer.fields.items() if not field.read_only}
            unknown = [name for name in data if name not in known and name not in self.read_back]
            if unknown:
                choices = ", ".join(sorted(known))
                raise serializers.ValidationError(
                    {name: [f"'{name}' is not known here; send only {choices}."] for name in map(printable, unknown)},
                    code="unknown",
                )
        return super().to_internal_value(data)  # type: ignore[misc]


class StrictSerializer(KnownKeys, serializers.Serializer[Any]):
    """A body that may hold only what it documents."""
