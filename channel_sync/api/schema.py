"""OpenAPI: every operation also documents how it is refused."""

from __future__ import annotations

from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

from channel_sync.api.known_keys import KnownKeys


class RefusalDetailSerializer(serializers.Serializer[Any]):
    """One thing that is wrong."""

    code = serializers.CharField()
    detail = serializers.CharField()
    attr = serializers.CharField(allow_null=True, help_text="The field that is wrong, if it is one.")


class RefusalSerializer(serializers.Serializer[Any]):
    """Why a request is refused."""

    type = serializers.ChoiceField(choices=["validation_error", "client_error", "server_error"])
    errors = RefusalDetailSerializer(many=True)  # type: ignore[assignment]  # DRF's own attribute of a bound one


EVERYWHERE = {"401": "Not logged in.", "403": "The role does not allow it.", "406": "Only JSON is answered."}
READING = {"400": "A filter is wrong.", "404": "There is no such thing, or no such page."}
WRITING = {
    "400": "A field is wrong.",
    "404": "There is no such thing.",
    "409": "The present state does not allow it.",
    "413": "The body is too large.",
    "415": "Only JSON is read.",
    "422": "The channel understood, and refused.",
    "429": "Too many writes; Retry-After says when to go on.",
    "503": "The channel or the broker cannot be asked now.",
}


class RefusalAutoSchema(AutoSchema):
    """What `drf_spectacular` finds, the refusals, and that our bodies take no other keys."""

    def _get_paginator(self) -> Any:
        paginator: Any = super()._get_paginator()  # type: ignore[no-untyped-call]
        if paginator is not None:
            paginator.rows_key = getattr(self.view, "rows_key", paginator.rows_key)
        return paginator

    def _map_basic_serializer(self, serializer: Any, direction: Literal["request", "response"]) -> dict[str, Any]:
        mapped: dict[str, Any] = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if isinstance(serializer, KnownKeys):
            mapped["additionalProperties"] = False
        return mapped

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        component = self.resolve_serializer(RefusalSerializer, direction)
        refusals = {**EVERYWHERE, **(READING if self.method == "GET" else WRITING)}
        for status, description in refusals.items():
            bodies.setdefault(
                status, {"description": description, "content": {"application/json": {"schema": component.ref}}}
            )
        return bodies
