"""Whether rows read as the OpenAPI document says, and hold nothing that it leaves out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator, ValidationError
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer

from channel_sync.api.serializers import AuditSerializer, ConflictSerializer, EventDetailSerializer, RunSerializer
from channel_sync.models import AuditEntry, ChannelEvent, Conflict, ReconciliationRun

Serializer = type[serializers.BaseSerializer[Any]]
KINDS: Mapping[str, tuple[Any, Serializer]] = {
    "EventDetail": (ChannelEvent, EventDetailSerializer),
    "Conflict": (Conflict, ConflictSerializer),
    "Run": (ReconciliationRun, RunSerializer),
    "Audit": (AuditEntry, AuditSerializer),
}


class SeesAll:
    """The access of somebody from whom nothing is hidden."""

    def may(self, role: object, channel_property_id: object) -> bool:
        return True


def undocumented_rows() -> list[str]:
    """What rows that are there now say otherwise than the document, by kind and place."""
    return [problem for kind, (model, _) in KINDS.items() for problem in undocumented(kind, model.objects.all())]


def undocumented(kind: str, rows: Iterable[Any]) -> list[str]:
    """The same of some rows."""
    _, serializer = KINDS[kind]
    check = _validator(kind)
    return [
        f"{kind} {getattr(row, 'event_type', '') or getattr(row, 'kind', '') or getattr(row, 'action', '')}: {problem}"
        for row in rows
        for problem in _problems(check, _as_read(serializer, row))
    ]


def _as_read(serializer: Serializer, row: Any) -> Any:
    return json.loads(JSONRenderer().render(serializer(row, context={"access": SeesAll()}).data))


def _problems(check: Draft202012Validator, shown: Any) -> Iterator[str]:
    for error in check.iter_errors(shown):
        for one in _inmost(error):
            yield f"{'.'.join(map(str, one.absolute_path))}: {one.message[:300]}"


def _inmost(error: ValidationError) -> Iterator[ValidationError]:
    """Of a union, what is wrong in the member that is meant: null only where it is null, an event by its type."""
    members: dict[Any, list[ValidationError]] = {}
    for inner in error.context or ():
        members.setdefault(inner.schema_path[0], []).append(inner)
    meant = [
        inner
        for inners in members.values()
        if not any(_is_of_another_member(one) for one in inners)
        for one in inners
        for inner in _inmost(one)
    ]
    yield from meant or [error]


def _is_of_another_member(error: ValidationError) -> bool:
    return (error.validator == "type" and error.validator_value == "null") or "event_type" in error.absolute_path


@cache
def _validator(kind: str) -> Draft202012Validator:
    document: Any = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    components = _strict(json.loads(json.dumps(document["components"], default=str)))
    return Draft202012Validator({"$ref": f"#/components/schemas/{kind}", "components": components})


def _strict(schema: Any) -> Any:
    """As JSON Schema has it, with objects closed: what the document does not name is not there."""
    if isinstance(schema, list):
        return [_strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _strict(value) for name, value in schema.items() if name not in ("example", "nullable")}
    if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema:
        found["additionalProperties"] = False
    return {"anyOf": [found, {"type": "null"}]} if schema.get("nullable") is True else found
