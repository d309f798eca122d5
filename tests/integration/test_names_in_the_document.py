"""`channelName` and `room__room_type` stood beside names in snake_case, and the stream was in no document at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

import pytest
from rest_framework.test import APIClient

from channel_sync.operations.roles import Role
from tests.integration.test_openapi import document

pytestmark = pytest.mark.django_db

SNAKE_CASE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
# Agreed on before there was an API: they stay as they were given.
GIVEN = {"mappingType", "mappedInternalId", "mappingFound", "totalPages"}
STREAM = "/api/admin/feed/stream/"


def names(part: Any) -> Iterator[str]:
    """Properties of all schemas, and parameters that are no headers, wherever they stand."""
    if isinstance(part, list):
        for one in part:
            yield from names(one)
    elif isinstance(part, dict):
        if isinstance(part.get("properties"), dict):
            yield from part["properties"]
        if part.get("in") in ("query", "path", "cookie") and part.get("name") != "sessionid":
            yield part["name"]
        for one in part.values():
            yield from names(one)


def test_all_names_are_in_snake_case_but_the_given_ones() -> None:
    found = set(names(document()))

    assert len(found) > 200
    assert {name for name in found if not SNAKE_CASE.fullmatch(name)} == GIVEN


def test_examples_use_the_names_of_their_schemas() -> None:
    found = {
        name
        for path, methods in document()["paths"].items()
        for operation in methods.values()
        for body in [operation.get("requestBody", {}), *operation["responses"].values()]
        for content in body.get("content", {}).values()
        for example in content.get("examples", {}).values()
        for name in _keys(example["value"])
    }

    assert found
    assert {name for name in found if not SNAKE_CASE.fullmatch(name)} <= GIVEN | _of_beds24()


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, one in value.items():
            # Keys that are values: nights, ids.
            if not re.search(r"\d{4}-\d\d|-[0-9a-f]{4}-", name):
                yield name
            yield from _keys(one)
    elif isinstance(value, list):
        for one in value:
            yield from _keys(one)


def _of_beds24() -> set[str]:
    """What a booking is made of in Beds24's own words: the payload of a mapping test."""
    tried = document()["paths"]["/api/admin/channel-mappings/test/"]["post"]["requestBody"]
    examples = tried["content"]["application/json"]["examples"].values()
    return {name for one in examples for name in _keys(one["value"]["payload"])}


def test_the_stream_is_documented_with_what_it_takes_and_answers() -> None:
    stream = document()["paths"][STREAM]["get"]

    assert {(one["in"], one["name"]) for one in stream["parameters"]} == {
        ("query", "after"),
        ("header", "Last-Event-ID"),
    }
    assert list(stream["responses"]["200"]["content"]) == ["text/event-stream"]
    assert {"400", "401", "403", "410", "501"} <= set(stream["responses"])


def test_under_wsgi_it_is_refused_by_the_same_rules_as_the_rest(api_of: Callable[[Role | None], APIClient]) -> None:
    viewer = api_of(Role.VIEWER)
    answers = [
        APIClient().get(STREAM),
        api_of(None).get(STREAM),
        viewer.get(STREAM, {"colour": "red"}),
        viewer.get(STREAM),
        viewer.get(STREAM, headers={"Accept": "text/event-stream"}),
    ]

    assert [one.status_code for one in answers] == [
        HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_IMPLEMENTED,
        HTTPStatus.NOT_IMPLEMENTED,
    ]  # fmt: skip
    assert all(one.json()["errors"][0]["detail"] for one in answers)
