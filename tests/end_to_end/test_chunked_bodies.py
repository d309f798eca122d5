"""Bodies that come in chunks, without a Content-Length, to a real gunicorn."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
import requests

from channel_sync.models import ChannelEvent
from pms_project.pms.models import Reservation
from tests.beds24_webhooks import webhook
from tests.end_to_end.installation import LOGIN, Installation

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]

ARRIVAL = date.today() + timedelta(weeks=60)


def chunks(body: bytes) -> Iterator[bytes]:
    """A generator has no length: `requests` sends it in chunks."""
    for start in range(0, len(body), 1000):
        yield body[start : start + 1000]


def post(site: Installation, path: str, body: Any, **options: Any) -> requests.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **options.pop("headers", {})}
    with requests.Session() as session:
        session.trust_env = False
        return session.post(f"{site.web}{path}", data=chunks(content), headers=headers, timeout=20, **options)


def test_a_webhook_in_chunks_is_stored(site: Installation) -> None:
    headers = {"X-Channel-Sync-Secret": site.webhook_secret}
    body = webhook(id=6100001, roomId=int(site.rooms["Suite"]), notes="x" * 5000)

    assert post(site, "/webhooks/beds24/", body, headers=headers).status_code == 200

    assert ChannelEvent.objects.filter(entity_external_id="6100001").count() == 1


def test_a_webhook_in_too_many_chunks_is_too_large(site: Installation) -> None:
    headers = {"X-Channel-Sync-Secret": site.webhook_secret}

    answer = post(site, "/webhooks/beds24/", webhook(notes="x" * 1_500_000), headers=headers)

    assert answer.status_code == 413


def test_a_reservation_in_chunks_is_made(site: Installation) -> None:
    wanted = {
        "room_type": site.room_types["Double Room"],
        "check_in": str(ARRIVAL),
        "check_out": str(ARRIVAL + timedelta(days=2)),
        "guest": {"first_name": "Grace", "last_name": "Hopper"},
        "notes": "x" * 5000,
    }

    answer = post(site, "/api/reservations/", wanted, auth=(LOGIN, LOGIN))

    assert answer.status_code == 201, answer.text
    assert Reservation.objects.filter(id=answer.json()["id"]).exists()


def test_a_request_of_the_api_in_too_many_chunks_is_refused(site: Installation) -> None:
    answer = post(site, "/api/reservations/", b'{"notes": "' + b"x" * 3_000_000 + b'"}', auth=(LOGIN, LOGIN))

    assert 400 <= answer.status_code < 500
