"""401 was documented and never sent, and there was no login for a page of another origin: 403 for everything."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.test import APIClient

from channel_sync.operations.roles import Role
from tests.staff import works_everywhere
from tests.who_sees_what import API, Needs

pytestmark = pytest.mark.django_db

LOGIN = {"username": "ada", "password": "a long enough passphrase"}
EVENTS, ROOM_TYPES = "/api/admin/events/", "/api/room-types/"
MINE = "https://desk.example.org"


@pytest.fixture
def ada(db: None) -> Any:
    user = get_user_model().objects.create_user(**LOGIN)
    user.user_permissions.add(Permission.objects.get(codename="view_roomtype"))
    return works_everywhere(user, Role.VIEWER)


def logged_in(**headers: str) -> str:
    answer = APIClient().post("/api/auth/login/", LOGIN, format="json", headers=headers)
    assert answer.status_code == 200, answer.content
    assert answer["Cache-Control"] == "no-store"
    return str(answer.json()["token"])


def with_token(token: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    return client


def test_tokens_end_when_the_password_is_changed(ada: Any) -> None:
    token = logged_in()
    assert with_token(token).get(ROOM_TYPES).status_code == 200

    ada.set_password("an even longer passphrase")
    ada.save()

    assert with_token(token).get(ROOM_TYPES).status_code == 401


def test_tokens_outlive_a_password_that_is_hashed_anew(ada: Any, settings: LazySettings) -> None:
    """As a login does when the hashes have become stronger."""
    token = logged_in()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2SHA1PasswordHasher", *settings.PASSWORD_HASHERS]
    assert get_user_model().objects.get(pk=ada.pk).check_password(LOGIN["password"])

    assert get_user_model().objects.get(pk=ada.pk).password.startswith("pbkdf2_sha1$")
    assert with_token(token).get(ROOM_TYPES).status_code == 200


def test_every_operation_is_401_without_a_login() -> None:
    wrong = {}
    for (method, path), needs in API.items():
        if needs is Needs.NOTHING:
            continue
        address = path.replace("{id}", str(uuid4())).replace("{property_id}", str(uuid4()))
        answer = getattr(APIClient(), method)(address)
        if (answer.status_code, answer.headers.get("WWW-Authenticate")) != (401, "Token"):
            wrong[method, path] = answer.status_code

    assert not wrong


@pytest.mark.parametrize("address", [EVENTS, ROOM_TYPES, "/api/schema/"])
@pytest.mark.parametrize("credentials", ["Token wrong", "Token \xff", "Token", "Basic " + b64encode(b"ada:x").decode()])
def test_wrong_credentials_are_401(ada: Any, address: str, credentials: str) -> None:
    answer = APIClient().get(address, headers={"Authorization": credentials})

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Token"
    assert address == "/api/schema/" or {"type", "errors"} == set(json.loads(answer.content))


@pytest.mark.parametrize("address", [EVENTS, ROOM_TYPES])
def test_too_little_right_is_403(api_of: Callable[[Role | None], APIClient], address: str) -> None:
    answer = api_of(None).get(address)

    assert answer.status_code == 403
    assert "WWW-Authenticate" not in answer.headers


def test_a_host_with_sessions_only_says_401_too(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    from rest_framework.authentication import SessionAuthentication

    from channel_sync.api.events import EventViewSet

    monkeypatch.setattr(EventViewSet, "authentication_classes", [SessionAuthentication])

    answer = APIClient().get(EVENTS)

    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Session realm="api"')


def test_a_token_opens_both_apis_until_it_is_given_back(ada: Any) -> None:
    token, other = logged_in(), logged_in()
    client = with_token(token)

    assert [client.get(address).status_code for address in (EVENTS, ROOM_TYPES)] == [200, 200]
    assert token not in str(list(AuthToken.objects.values_list("digest", "token_key")))
    assert client.post("/api/auth/logout/").status_code == 204
    assert client.get(EVENTS).status_code == 401
    assert with_token(other).post("/api/auth/logout-all/").status_code == 204
    assert not AuthToken.objects.exists()


def test_a_token_ends_by_itself(ada: Any) -> None:
    client = with_token(logged_in())
    AuthToken.objects.update(expiry=timezone.now() - timedelta(seconds=1))

    assert client.get(EVENTS).status_code == 401


def test_wrong_passwords_at_the_login_are_counted(ada: Any) -> None:
    wrong = {**LOGIN, "password": "a guess"}

    statuses = [APIClient().post("/api/auth/login/", wrong, format="json").status_code for _ in range(12)]

    assert set(statuses[:9]) == {401}
    assert statuses[-1] == 429
    assert APIClient().post("/api/auth/login/", LOGIN, format="json").json()["errors"][0]["code"] == (
        "too_many_wrong_passwords"
    )


def test_no_other_origin_calls_the_api_unless_it_is_named(ada: Any, settings: LazySettings) -> None:
    assert "Access-Control-Allow-Origin" not in Client().get(EVENTS, headers={"Origin": MINE}).headers

    settings.CORS_ALLOWED_ORIGINS = [MINE]
    asks = {
        "Origin": MINE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "idempotency-key",
    }
    preflight = Client().options("/api/reservations/", headers=asks)

    assert preflight["Access-Control-Allow-Origin"] == MINE
    assert "idempotency-key" in preflight["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in preflight.headers
    assert "Access-Control-Allow-Origin" not in Client().get(EVENTS, headers={"Origin": "https://evil.example"}).headers
    assert "Access-Control-Allow-Origin" not in Client().get("/admin/login/", headers={"Origin": MINE}).headers


@pytest.mark.parametrize(
    ("method", "address", "body", "content_type", "status"),
    [
        ("get", "/api/nothing/", None, "", 404),
        ("get", "/api/admin/nothing/", None, "", 404),
        ("get", "/api/room-types/00000000-0000-4000-8000-000000000000/", None, "", 404),
        ("patch", ROOM_TYPES, "{}", "application/json", 405),
        ("post", "/api/rates/", "a=b", "application/x-www-form-urlencoded", 415),
        ("post", "/api/rates/", "[", "application/json", 400),
        ("post", "/api/rates/", "[{}]", "application/json", 400),
        ("get", "/api/room-types/?hotel=7", None, "", 400),
    ],
)
def test_refusals_have_one_shape(method: str, address: str, body: Any, content_type: str, status: int) -> None:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("manager"))
    options = {"data": body, "content_type": content_type} if body is not None else {}

    answer = getattr(client, method)(address, **options)

    assert answer.status_code == status
    assert set(answer.json()) == {"type", "errors"}
    assert all(set(error) == {"code", "detail", "attr"} for error in answer.json()["errors"])
