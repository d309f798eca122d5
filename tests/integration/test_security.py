"""Whatever is posted, no webhook is answered with a server error; production settings stand Django's own check."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from hypothesis import given, strategies

from channel_sync.events.processing import process
from channel_sync.models import ChannelEvent, ChannelProperty, EventStatus
from pms_project.local_services.processes import ROOT
from tests.beds24_webhooks import envelope, webhook
from tests.factories import WEBHOOK_SECRET
from tests.fuzzing import examples

pytestmark = pytest.mark.django_db

REFUSALS = {400, 401, 413}
JSON: strategies.SearchStrategy[Any] = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats()
    | strategies.text()
    | strategies.sampled_from(
        [
            "2027-03-01",
            "0000-00-00",
            "9999-12-31",
            "9999-12-31T23:59:59-23:59",
            "2026-11-01T10:00:00+19:23",
            "1e400",
            "\x00",
            "NaN",
            "-1",
            "2001",
        ]
    ),
    lambda inner: strategies.lists(inner, max_size=4) | strategies.dictionaries(strategies.text(), inner, max_size=4),
    max_leaves=10,
)


@pytest.fixture
def post(channel_property: ChannelProperty, client: Client) -> Iterator[Callable[[bytes], int]]:
    """Post a body with the right secret; the connection stays open between requests."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    client.raise_request_exception = False

    def post(body: bytes) -> int:
        headers = {"X-Channel-Sync-Secret": WEBHOOK_SECRET}
        answer = client.post("/webhooks/beds24/", body, content_type="application/json", headers=headers)
        return int(answer.status_code)

    yield post
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def known(body: dict[str, Any], channel_property: ChannelProperty) -> dict[str, Any]:
    """The body with the id of the connected property, so that it gets further than the look-up."""
    changed = copy.deepcopy(body)
    inner = changed.get("booking") or changed.get("data")
    inner["propertyId"] = channel_property.channel_property_id  # type: ignore[index]
    return changed


def test_any_bytes(post: Callable[[bytes], int]) -> None:
    @examples(300)
    @given(body=strategies.binary() | JSON.map(lambda value: json.dumps(value).encode()))
    def fuzz(body: bytes) -> None:
        assert post(body) in REFUSALS

    fuzz()


def test_a_webhook_with_wrong_fields_is_refused_or_ends_in_good_order(
    post: Callable[[bytes], int], channel_property: ChannelProperty
) -> None:
    """What is taken is worked too: it is done, ignored or failed with a reason, and kills no worker."""
    bodies = [known(webhook(), channel_property), known(envelope("booking.modified"), channel_property)]
    fields = sorted(webhook()["booking"])

    @examples(300)
    @given(
        body=strategies.sampled_from(bodies),
        changes=strategies.dictionaries(strategies.sampled_from(fields), JSON, min_size=1, max_size=3),
        outer=strategies.dictionaries(
            strategies.sampled_from(["infoItems", "timeStamp", "event_id"]), JSON, max_size=1
        ),
    )
    def fuzz(body: dict[str, Any], changes: dict[str, Any], outer: dict[str, Any]) -> None:
        changed = copy.deepcopy(body) | outer
        (changed.get("booking") or changed["data"]).update(changes)
        status = post(json.dumps(changed).encode())
        assert status == 200 or status in REFUSALS
        for event in ChannelEvent.objects.filter(status=EventStatus.RECEIVED):
            assert process(event.id) in (EventStatus.DONE, EventStatus.IGNORED, EventStatus.FAILED)

    fuzz()


def test_the_production_settings_stand_djangos_check() -> None:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "pms_project.settings",
        "SECRET_KEY": "x2" * 30 + "!?abcdefg",
        "SALT_KEY": "salt",
        "ALLOWED_HOSTS": "pms.example",
        "CSRF_TRUSTED_ORIGINS": "https://pms.example",
        "TRUSTED_PROXIES": "1",
        "CACHE_URL": "dbcache://pms_cache",
    }
    environment.pop("DEBUG", None)

    checked = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stderr
