"""100,000 nested brackets were a 500; a body of any size was read; nothing limited how fast a login writes."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from asgiref.local import Local
from django.conf import LazySettings
from django.contrib.auth import get_user_model
from django.core.cache import cache, caches
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from channel_sync.models import ChannelProperty
from channel_sync.operations.roles import Role
from tests.beds24_webhooks import webhook
from tests.factories import WEBHOOK_SECRET

pytestmark = pytest.mark.django_db

BATCH_RETRY = "/api/admin/events/batch-retry"
PATHS = [BATCH_RETRY, "/api/reservations/", "/api/rates/"]
NESTED = [
    b"[" * 100_000,
    b"[" * 100_000 + b"]" * 100_000,
    b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    b'{"ids": ' + b"[" * 400 + b"]" * 400 + b"}",
]


@pytest.fixture
def client_of_all() -> APIClient:
    made = APIClient(raise_request_exception=False)
    made.force_login(get_user_model().objects.create_superuser("ada"))
    return made


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("body", NESTED, ids=["open", "lists", "objects", "400"])
def test_what_is_nested_beyond_measure_is_a_bad_request(client_of_all: APIClient, path: str, body: bytes) -> None:
    answer = client_of_all.generic("POST", path, body, content_type="application/json")

    assert answer.status_code == 400
    assert "nested" in answer.content.decode() or b"]" not in body


@pytest.mark.parametrize("path", PATHS)
def test_a_large_body_is_refused_before_it_is_read(client_of_all: APIClient, settings: LazySettings, path: str) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000
    body = json.dumps({"filter": {"type": "x" * 20_000}}).encode()

    answer = client_of_all.generic("POST", path, body, content_type="application/json")

    assert answer.status_code == 413
    assert "10000" in answer.content.decode()


def test_form_data_is_not_read_by_the_api(client_of_all: APIClient) -> None:
    for content_type in ("multipart/form-data; boundary=x", "application/x-www-form-urlencoded"):
        answer = client_of_all.generic("POST", "/api/reservations/", b"a=1", content_type=content_type)
        assert answer.status_code == 415


@pytest.mark.parametrize(
    "body", [*NESTED, b"[" * 300 + b"{}" + b"]" * 300], ids=["open", "lists", "objects", "400", "300"]
)
@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded"])
def test_a_webhook_that_is_nested_beyond_measure_is_refused(
    channel_property: ChannelProperty, client: Client, body: bytes, content_type: str
) -> None:
    client.raise_request_exception = False
    headers = {"X-Channel-Sync-Secret": WEBHOOK_SECRET}

    answer = client.post("/webhooks/beds24/", body, content_type=content_type, headers=headers)

    assert answer.status_code in (400, 401, 404)


def test_a_nested_member_of_a_webhook_costs_no_booking(channel_property: ChannelProperty, client: Client) -> None:
    body = webhook()
    body["booking"]["propertyId"] = channel_property.channel_property_id
    raw = json.dumps(body).encode()[:-1] + b', "odd": ' + b"[" * 300 + b"]" * 300 + b"}"
    headers = {"X-Channel-Sync-Secret": WEBHOOK_SECRET}

    answer = client.post("/webhooks/beds24/", raw, content_type="application/json", headers=headers)

    assert answer.status_code == 200


@pytest.fixture
def slowly(settings: LazySettings) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "api_write_rate": "3/min"}
    cache.clear()


@pytest.mark.usefixtures("slowly")
@pytest.mark.parametrize("path", [BATCH_RETRY, "/api/rates/"])
def test_writes_are_limited_by_login(api_of: Callable[[Role | None], APIClient], path: str) -> None:
    hasty = APIClient()
    hasty.force_login(get_user_model().objects.create_superuser("ada"))
    other = APIClient()
    other.force_login(get_user_model().objects.create_superuser("grace"))

    answers = [hasty.post(path, {"odd": 1}, format="json") for _ in range(5)]

    assert [answer.status_code for answer in answers] == [400, 400, 400, 429, 429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert hasty.get("/api/admin/events").status_code == 200
    assert other.post(path, {"odd": 1}, format="json").status_code == 400


@pytest.mark.usefixtures("slowly")
def test_both_apis_share_the_limit() -> None:
    hasty = APIClient()
    hasty.force_login(get_user_model().objects.create_superuser("ada"))

    statuses = [hasty.post(path, {"odd": 1}, format="json").status_code for path in [BATCH_RETRY, "/api/rates/"] * 2]

    assert statuses == [400, 400, 400, 429]


@pytest.mark.usefixtures("slowly")
def test_processes_share_the_limit_through_the_database(settings: LazySettings) -> None:
    """As compose sets it: each cache object below is another process's."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "pms_cache"}}
    call_command("createcachetable")
    user = get_user_model().objects.create_superuser("ada")

    statuses = []
    for _ in range(4):
        caches._connections = Local()
        hasty = APIClient()
        hasty.force_login(user)
        with CaptureQueriesContext(connection) as captured:
            statuses.append(hasty.post(BATCH_RETRY, {"odd": 1}, format="json").status_code)
        on_cache = [query["sql"] for query in captured if "pms_cache" in query["sql"]]
        assert len(on_cache) <= 5, on_cache

    assert statuses == [400, 400, 400, 429]
