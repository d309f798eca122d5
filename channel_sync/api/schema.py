"""OpenAPI: every operation also documents how it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from channel_sync.api.idempotency import PARAMETER
from channel_sync.api.json_values import JsonObjectField
from channel_sync.api.known_keys import KnownKeys
from channel_sync.api.pagination import ESTIMATE_HEADER, ListPagination


class RefusalDetailSerializer(serializers.Serializer[Any]):
    """One thing that is wrong."""

    code = serializers.CharField()
    detail = serializers.CharField()
    attr = serializers.CharField(allow_null=True, help_text="The field that is wrong, if it is one.")


class RefusalSerializer(serializers.Serializer[Any]):
    """Why a request is refused."""

    type = serializers.ChoiceField(choices=["validation_error", "client_error", "server_error"])
    errors = RefusalDetailSerializer(many=True)  # type: ignore[assignment]  # DRF's own attribute of a bound one
    current = JsonObjectField(
        required=False, help_text="Where a change was based on an older version: what is there now."
    )


ESTIMATE = OpenApiParameter(
    ESTIMATE_HEADER, bool, OpenApiParameter.HEADER, response=[200], description="`true` where `total` is an estimate."
)
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


class DocumentedRefusals(AutoSchema):
    """What `drf_spectacular` finds, the refusals, and that our bodies take no other keys."""

    everywhere: ClassVar[Mapping[str, str]] = EVERYWHERE
    reading: ClassVar[Mapping[str, str]] = READING
    writing: ClassVar[Mapping[str, str]] = WRITING

    def _get_paginator(self) -> Any:
        paginator: Any = super()._get_paginator()  # type: ignore[no-untyped-call]
        if hasattr(paginator, "rows_key"):
            paginator.rows_key = getattr(self.view, "rows_key", paginator.rows_key)
        return paginator

    def _map_basic_serializer(self, serializer: Any, direction: Literal["request", "response"]) -> dict[str, Any]:
        mapped: dict[str, Any] = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if isinstance(serializer, KnownKeys):
            mapped["additionalProperties"] = False
        return mapped

    def get_override_parameters(self) -> Any:
        """What the view says, and the key of an action that creates."""
        found = list(super().get_override_parameters())
        if isinstance(self._get_paginator(), ListPagination) and self._is_list_view():
            found.append(ESTIMATE)
        action = getattr(self.view, getattr(self.view, "action", None) or "", None)
        return [*found, PARAMETER] if getattr(action, "is_idempotent", False) else found

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        component = self.resolve_serializer(RefusalSerializer, direction)
        refusals = {**self.everywhere, **(self.reading if self.method == "GET" else self.writing)}
        for status, description in refusals.items():
            bodies.setdefault(
                status, {"description": description, "content": {"application/json": {"schema": component.ref}}}
            )
        return bodies


class RefusalAutoSchema(DocumentedRefusals):
    """Of our views. A host's is its sibling: as a subclass, drf-spectacular would take it for ours where we extend."""
