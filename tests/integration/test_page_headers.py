"""No page said where scripts may come from; sessions lasted two weeks, on a computer at the front desk."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from channel_sync.models import ChannelProperty

pytestmark = pytest.mark.django_db

PAGES = ["/admin/login/", "/admin/", "/admin/channel_sync/channelevent/", "/api/room-types/", "/health/live"]


@pytest.fixture
def superuser() -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("ada"))
    return client


def policy(client: Client, path: str) -> dict[str, str]:
    header = client.get(path).headers["Content-Security-Policy"]
    return {name: values for name, _, values in (part.strip().partition(" ") for part in header.split(";"))}


@pytest.mark.parametrize("path", PAGES)
def test_every_page_takes_scripts_from_here_only(
    superuser: Client, channel_property: ChannelProperty, path: str
) -> None:
    said = policy(superuser, path)

    assert said["default-src"] == "'self'"
    assert said["frame-ancestors"] == said["object-src"] == said["base-uri"] == "'none'"
    assert "unsafe" not in " ".join(said.values())


def test_only_the_page_of_the_api_may_style_inline(superuser: Client) -> None:
    said = policy(superuser, "/api/docs/")

    assert said["style-src"] == "'self' 'unsafe-inline'"
    assert [name for name, values in said.items() if "unsafe" in values] == ["style-src"]
    page = superuser.get("/api/docs/").content.decode()
    assert [part for part in page.split("<script")[1:] if not part.lstrip().startswith("src=")] == []


def test_a_page_is_not_framed_guessed_or_referred_to(superuser: Client) -> None:
    headers = superuser.get("/admin/").headers

    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_a_session_ends_with_the_working_day(client: Client) -> None:
    get_user_model().objects.create_superuser("ada", password="a long enough passphrase")
    form = {"username": "ada", "password": "a long enough passphrase", "next": "/admin/"}
    cookie = client.post("/admin/login/", form).cookies["sessionid"]

    assert cookie["max-age"] == 12 * 60 * 60
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
