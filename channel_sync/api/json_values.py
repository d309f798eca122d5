"""JSON of any shape, as a type of its own in the document: a generated client can walk it without a cast."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

VALUE, OBJECT = "JsonValue", "JsonObject"
# Lists that stand directly in lists are typed for so many levels: a list of itself, in an interface, is an error in
# TypeScript, while an object of itself is not.
LISTS_IN_LISTS = 3


def _value(lists: int) -> list[dict[str, Any]]:
    plain: list[dict[str, Any]] = [
        *({"type": name} for name in ("string", "number", "boolean")),
        {"$ref": f"#/components/schemas/{OBJECT}"},
    ]
    items: dict[str, Any] = {"nullable": True, "anyOf": _value(lists - 1)} if lists else {}
    return [*plain, {"type": "array", "items": items}]


COMPONENTS: dict[str, dict[str, Any]] = {
    VALUE: {
        "description": "Any JSON value.",
        "nullable": True,
        "anyOf": _value(LISTS_IN_LISTS),
    },
    OBJECT: {
        "description": "A JSON object whose keys are not ours to say.",
        "type": "object",
        "additionalProperties": {"$ref": f"#/components/schemas/{VALUE}"},
    },
}


class JsonValueField(serializers.JSONField):
    """Any JSON value."""


class JsonObjectField(serializers.JSONField):
    """A JSON object with any keys."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Refuse what is no object."""
        value = super().to_internal_value(data)
        if not isinstance(value, dict):
            raise serializers.ValidationError("A JSON object is needed.")
        return value


class _Component(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """A reference to the component, which is there once."""

    name: str

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        """Both components: each is made of values."""
        found: dict[str, Any] = {}
        for name, schema in COMPONENTS.items():
            component = ResolvedComponent(name=name, type=ResolvedComponent.SCHEMA, object=name, schema=schema)  # type: ignore[no-untyped-call]
            auto_schema.registry.register_on_missing(component)
            if name == self.name:
                found = dict(component.ref)
        return found


class _ValueComponent(_Component):  # type: ignore[no-untyped-call]
    target_class = JsonValueField
    match_subclasses = True
    name = VALUE


class _ObjectComponent(_Component):  # type: ignore[no-untyped-call]
    target_class = JsonObjectField
    match_subclasses = True
    name = OBJECT


def json_shown_as(shape: Any) -> type[serializers.JSONField]:
    """A field of JSON that is read out as it is kept, and that the document shows in a shape."""
    made: type[serializers.JSONField] = extend_schema_field(shape)(type("ShapedField", (serializers.JSONField,), {}))
    return made
