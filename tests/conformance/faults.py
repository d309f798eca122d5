"""What of a request, an answer or a webhook does not conform to the description."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator, ValidationError

from tests.conformance.description import Answer, Description, Endpoint, Schema, description

# What every HTTP client sends, whatever the API.
HTTP_HEADERS = {"host", "user-agent", "accept", "accept-encoding", "connection", "content-length", "content-type"}
NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


@dataclass(frozen=True, order=True)
class Fault:
    """One thing that does not conform; `field` names it without the numbers of items, `rule` what it breaks."""

    endpoint: str
    part: str
    field: str
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.endpoint}, {self.part}, {self.field or 'whole'}: {self.message[:300]}"


@dataclass(frozen=True)
class Exchange:
    """A request to the API and its answer."""

    method: str
    path: str
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes
    status: int
    answer_headers: Mapping[str, str]
    answer: bytes

    @property
    def endpoint(self) -> str:
        """Method and path."""
        return f"{self.method} {self.path}"


def request_faults(exchange: Exchange) -> list[Fault]:
    """What is wrong with the request."""
    known = description()
    endpoint = known.endpoints.get(exchange.endpoint)
    if endpoint is None:
        return [Fault(exchange.endpoint, "request", "", "endpoint", "is not described")]
    return [
        *_faults(exchange.endpoint, "header", endpoint.headers, _described_headers(exchange, endpoint)),
        *_faults(exchange.endpoint, "query", endpoint.query, _typed_query(exchange, endpoint, known)),
        *_body_faults(exchange, endpoint),
    ]


def answer_faults(exchange: Exchange) -> list[Fault]:
    """What is wrong with the answer."""
    endpoint = description().endpoints.get(exchange.endpoint)
    if endpoint is None:
        return []
    answer = endpoint.answers.get(exchange.status)
    if answer is None:
        return [Fault(exchange.endpoint, "answer", "status", "status", f"{exchange.status} is not described")]
    try:
        body = json.loads(exchange.answer)
    except ValueError:
        return [Fault(exchange.endpoint, "answer", "", "json", "is not JSON")]
    return [
        *_faults(exchange.endpoint, "answer", answer.body, body),
        *_credit_faults(exchange, answer),
        *_result_faults(exchange, answer, body),
    ]


def webhook_faults(version: str, payload: Any) -> list[Fault]:
    """What is wrong with the body of a webhook."""
    return list(_faults(version, "webhook", description().webhooks[version], payload))


def shape_faults(shape: str, data: Any) -> list[Fault]:
    """What is wrong with a piece of data that has a shape of its own."""
    return list(_faults(shape, "shape", description().shape(shape), data))


def _faults(endpoint: str, part: str, validator: Draft202012Validator, data: Any) -> Iterator[Fault]:
    found = set()
    for error in validator.iter_errors(data):
        path = [step for step in error.absolute_path if isinstance(step, str)]
        for name in _names(error) or [""]:
            rule = str(error.validator)
            message = "is not described" if rule == "additionalProperties" else error.message
            found.add(Fault(endpoint, part, ".".join([*path, *filter(None, [name])]), rule, message))
    yield from sorted(found)


def _names(error: ValidationError) -> list[str]:
    """The fields that an error about an object is about."""
    if error.validator == "required":
        return [name for name in _schema(error)["required"] if error.message.startswith(f"{name!r} ")]
    if error.validator == "additionalProperties":
        described = _schema(error)["properties"]
        return [name for name in sorted(_object(error)) if name not in described]
    return []


def _object(error: ValidationError) -> Mapping[str, Any]:
    assert isinstance(error.instance, dict)
    return error.instance


def _schema(error: ValidationError) -> Schema:
    assert isinstance(error.schema, dict)
    return error.schema


def _described_headers(exchange: Exchange, endpoint: Endpoint) -> dict[str, str]:
    """The headers under the spelling of the description, without those of every client."""
    spelling = {name.lower(): name for name in endpoint.header_schemas}
    return {
        spelling.get(name.lower(), name): value
        for name, value in exchange.headers.items()
        if name.lower() not in HTTP_HEADERS
    }


def _typed_query(exchange: Exchange, endpoint: Endpoint, known: Description) -> dict[str, Any]:
    """The query as JSON: what is described as a list is one, numbers are numbers."""
    schemas = endpoint.query_schemas
    found: dict[str, Any] = {}
    for name in dict(exchange.query):
        schema = _resolved(schemas.get(name, {}), known)
        values = [value for given, value in exchange.query if given == name]
        if schema.get("type") == "array":
            found[name] = [_typed(value, _resolved(schema["items"], known)) for value in values]
        else:
            found[name] = _typed(values[0], schema) if len(values) == 1 else values
    return found


def _resolved(schema: Schema, known: Description) -> Schema:
    return known.shapes[schema["$ref"].removeprefix("#/$defs/")] if "$ref" in schema else schema


def _typed(value: str, schema: Schema) -> Any:
    kind = schema.get("type")
    if kind in ("integer", "number") and NUMBER.fullmatch(value):
        return float(value) if "." in value else int(value)
    return {"true": True, "false": False}.get(value, value) if kind == "boolean" else value


def _body_faults(exchange: Exchange, endpoint: Endpoint) -> Iterator[Fault]:
    if endpoint.body is None:
        if exchange.body:
            yield Fault(exchange.endpoint, "body", "", "body", "is not taken here")
        return
    try:
        items = json.loads(exchange.body)
    except ValueError:
        yield Fault(exchange.endpoint, "body", "", "json", "is not JSON")
        return
    yield from _faults(exchange.endpoint, "body", endpoint.body, items)


def _credit_faults(exchange: Exchange, answer: Answer) -> Iterator[Fault]:
    for entry in description().credits.values():
        found = {name: exchange.answer_headers[name] for name in entry["names"] if name in exchange.answer_headers}
        if not found and answer.credits == "required" and not entry.get("optional"):
            yield Fault(exchange.endpoint, "answer", entry["names"][0], "credits", "is missing")
        for name, value in found.items():
            if answer.credits == "none":
                yield Fault(exchange.endpoint, "answer", name, "credits", "stands at an answer that costs nothing")
            elif NUMBER.fullmatch(value) is None or (entry["type"] == "integer" and "." in value):
                yield Fault(exchange.endpoint, "answer", name, "credits", f"'{value}' is no {entry['type']}")


def _result_faults(exchange: Exchange, answer: Answer, body: Any) -> Iterator[Fault]:
    """A POST is answered item by item, a DELETE number by number."""
    if answer.results_per == "item":
        expected = len(json.loads(exchange.body))
    elif answer.results_per:
        expected = sum(name == answer.results_per for name, _ in exchange.query)
    else:
        return
    if isinstance(body, list) and len(body) != expected:
        yield Fault(exchange.endpoint, "answer", "", "results", f"holds {len(body)} results for {expected}")
