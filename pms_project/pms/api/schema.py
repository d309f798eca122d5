"""OpenAPI: every operation of the PMS also documents how it is refused."""

from __future__ import annotations

from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers


class PmsRefusalSerializer(serializers.Serializer[Any]):
    """Why a request is refused."""

    detail = serializers.CharField()
    error = serializers.CharField(required=False, help_text="The name of what the PMS refuses.")
    current = serializers.DictField(required=False, help_text="The reservation as it is now.")


EVERYWHERE = {
    "401": "Not logged in.",
    "403": "No permission.",
    "404": "There is no such thing, or no such page.",
    "406": "Only JSON is answered.",
}
WRITING = {
    "409": "The present state does not allow it.",
    "413": "The body is too large.",
    "415": "Only JSON is read.",
    "428": "The version that the change is based on is missing.",
    "429": "Too many writes; Retry-After says when to go on.",
}


class PmsAutoSchema(AutoSchema):
    """What `drf_spectacular` finds, and the refusals."""

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        component = self.resolve_serializer(PmsRefusalSerializer, direction)
        refusals = {**EVERYWHERE, **(WRITING if self.method != "GET" else {})}
        for status, description in refusals.items():
            bodies.setdefault(status, _json(description, component.ref))
        # By field, and for a list of things a list of these.
        bodies.setdefault("400", _json("A field is wrong.", {}))
        return bodies


def _json(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}
