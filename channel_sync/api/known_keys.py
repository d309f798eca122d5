"""Bodies may hold only what is documented: a misspelt option left out would do more than was meant."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request

from channel_sync.api.known_parameters import printable

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


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


class KnownBodies:
    """Mixin of views: `plain_bodies` names the actions whose body no serializer reads, with the keys that it may hold.

    Anything else in such a body is 400: what was said, and is not done, must not be answered with a success.
    """

    plain_bodies: ClassVar[Mapping[str, Collection[str]]] = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """After login and rights. A view without actions goes by its method."""
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        name = getattr(self, "action", None) or str(request.method).lower()
        if name not in self.plain_bodies:
            return
        known, said = self.plain_bodies[name], _said(request)
        names = [] if not said else list(said) if isinstance(said, Mapping) else ["non_field_errors"]
        unknown = [name for name in names if name not in known]
        if unknown:
            choices = f"send only {', '.join(sorted(known))}" if known else "it takes none"
            raise serializers.ValidationError(
                {
                    name: [f"This is not known in the body of this request: {choices}."]
                    for name in map(printable, unknown)
                },
                code="unknown",
            )


def _said(request: Request) -> Any:
    """The body. Raises `UnsupportedMediaType` where it is not one that is read; an empty form says nothing."""
    try:
        return request.data
    except UnsupportedMediaType:
        sent = request._request
        if sent.content_type not in FORMS or sent.POST or sent.FILES:
            raise
        return {}
