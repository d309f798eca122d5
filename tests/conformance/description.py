"""The description of Beds24's API V2, read from `description/*.yaml`.

Each file holds `endpoints` (method and path: the `scope` that a token needs, `headers`, `query`, the shape of the
`items` of a POST or of the `object` that is a body, and `answers` by status) and `shapes`, which are JSON Schema. An
answer has a `body`, is a `list_of` a shape, or holds the `results` of a POST, one for each item. Objects take no
unknown field unless they are `open`. `scope_fields` are the fields that are absent without a scope. `source` says where
an entry comes from: the published document (which goes without saying), a measurement, or an inference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from tests.conformance.formats import FORMATS

Schema = dict[str, Any]

FILES = Path(__file__).with_name("description")
SOURCES = ("documented", "measured", "inferred")
MOST_ITEMS = 10_000
CREDITS = ("required", "optional", "none")


@dataclass(frozen=True)
class Answer:
    """What an endpoint may answer under one status."""

    body: Draft202012Validator
    credits: str
    results_per: str = ""


@dataclass(frozen=True)
class Endpoint:
    """One method of one path."""

    headers: Draft202012Validator
    query: Draft202012Validator
    body: Draft202012Validator | None
    answers: Mapping[int, Answer]
    header_schemas: Mapping[str, Schema]
    query_schemas: Mapping[str, Schema]
    scope: str = ""


@dataclass(frozen=True)
class Description:
    """Everything that is known of the API."""

    shapes: Mapping[str, Schema]
    endpoints: Mapping[str, Endpoint]
    webhooks: Mapping[str, Draft202012Validator]
    credits: Mapping[str, Schema]
    scope_fields: Mapping[str, Sequence[str]]

    def shape(self, name: str) -> Draft202012Validator:
        """A validator of one shape."""
        return _validator(_reference(name, self.shapes), self.shapes)


@cache
def description() -> Description:
    """The description, read once. Raises `ValueError` for an entry that makes no sense."""
    files = [yaml.safe_load(path.read_text()) for path in sorted(FILES.glob("*.yaml"))]
    common = next(found for found in files if "credits" in found)
    shapes = {name: _strict(shape) for found in files for name, shape in found.get("shapes", {}).items()}
    for name in references(list(shapes.values())):
        _reference(name, shapes)
    return Description(
        shapes=shapes,
        endpoints={
            name: _endpoint(entry, common, shapes)
            for found in files
            for name, entry in found.get("endpoints", {}).items()
        },
        webhooks={
            name: _validator(
                _reference(entry["body"], shapes) if "body" in entry else _parameters(entry["query"]), shapes
            )
            for found in files
            for name, entry in found.get("webhooks", {}).items()
        },
        credits=common["credits"],
        scope_fields={name: fields for found in files for name, fields in found.get("scope_fields", {}).items()},
    )


def _validator(schema: Schema, shapes: Mapping[str, Schema]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "$defs": shapes}, format_checker=FORMATS)


def _endpoint(entry: Schema, common: Schema, shapes: Mapping[str, Schema]) -> Endpoint:
    unknown = set(entry) - {"scope", "headers", "query", "items", "object", "answers"}
    if unknown:
        raise ValueError(f"an endpoint has no {', '.join(sorted(unknown))}")
    headers, query = (
        _parameters(entry.get("headers") or common["request_headers"]),
        _parameters(entry.get("query") or {}),
    )
    items = entry.get("items")
    body = None if items is None else {"type": "array", "maxItems": MOST_ITEMS, "items": _reference(items, shapes)}
    if "object" in entry:
        body = _reference(entry["object"], shapes)
    return Endpoint(
        headers=_validator(headers, shapes),
        query=_validator(query, shapes),
        body=None if body is None else _validator(body, shapes),
        answers={status: _answer(answer, shapes) for status, answer in (common["answers"] | entry["answers"]).items()},
        header_schemas=headers["properties"],
        query_schemas=query["properties"],
        scope=entry.get("scope", ""),
    )


def _webhook(entry: Schema, shapes: Mapping[str, Schema]) -> Schema:
    return _reference(entry["body"], shapes) if "body" in entry else _parameters(entry["query"])


def _answer(entry: Schema, shapes: Mapping[str, Schema]) -> Answer:
    _require_source(entry)
    credits = entry.get("credits", "none")
    if credits not in CREDITS:
        raise ValueError(f"'{credits}' is none of {', '.join(CREDITS)}")
    if "list_of" in entry:
        return Answer(_validator(_page(_reference(entry["list_of"], shapes), entry["type"]), shapes), credits)
    if "results" in entry:
        results = {"type": "array", "items": _reference(entry["results"], shapes)}
        return Answer(_validator(results, shapes), credits, results_per=entry.get("per", "item"))
    return Answer(_validator(_reference(entry["body"], shapes), shapes), credits)


def _page(items: Schema, kind: str) -> Schema:
    properties = {
        "success": {"const": True},
        "type": {"const": kind},
        "count": {"type": "integer", "minimum": 0},
        "pages": {"$ref": "#/$defs/pages"},
        "data": {"type": "array", "items": items},
    }
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }


def _parameters(entries: Schema) -> Schema:
    """Headers or query parameters as an object; `required` stands at each."""
    return {
        "type": "object",
        "required": [name for name, entry in entries.items() if entry.get("required") is True],
        "properties": {
            name: _strict({key: value for key, value in entry.items() if key != "required"})
            for name, entry in entries.items()
        },
        "additionalProperties": False,
    }


def _strict(schema: Any) -> Any:
    """A schema whose objects take no unknown field."""
    if isinstance(schema, list):
        return [_strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    _require_source(schema)
    is_open = schema.get("open", False)
    found = {name: _strict(part) for name, part in schema.items() if name != "open"}
    is_object = schema.get("type") in ("object", ["object", "null"])
    return found if is_open or not is_object else {"additionalProperties": False, **found}


def _require_source(entry: Schema) -> None:
    source = entry.get("source", "documented")
    # A field may be called `source` too; then this is its schema.
    if isinstance(source, str) and source not in SOURCES:
        raise ValueError(f"'{source}' is none of {', '.join(SOURCES)}")


def _reference(name: str, shapes: Mapping[str, Schema]) -> Schema:
    if name not in shapes:
        raise ValueError(f"there is no shape '{name}'")
    return {"$ref": f"#/$defs/{name}"}


def references(schema: Any) -> Iterator[str]:
    """The shapes that a schema refers to."""
    if isinstance(schema, list):
        for part in schema:
            yield from references(part)
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].removeprefix("#/$defs/")
        for part in schema.values():
            yield from references(part)
