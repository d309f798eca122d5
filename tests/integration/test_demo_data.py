"""`pms_demo_data` made a superuser demo/demo wherever it ran, and README had it among the steps of an installation."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from pms_project.local_services.processes import ROOT
from pms_project.pms.models import HotelSettings

pytestmark = pytest.mark.django_db


def made(*arguments: str) -> dict[str, Any]:
    output = StringIO()
    call_command("pms_demo_data", *arguments, stdout=output)
    found: dict[str, Any] = json.loads(output.getvalue())
    return found


def test_the_hotel_comes_without_a_login() -> None:
    assert HotelSettings.objects.filter(id=made()["property"]).exists()
    assert not get_user_model().objects.exists()


def test_a_login_is_refused_where_debug_is_off() -> None:
    with pytest.raises(CommandError, match="createsuperuser"):
        made("--login", "demo")

    assert not get_user_model().objects.exists()
    assert not HotelSettings.objects.exists()


def test_the_password_is_random_and_is_shown_once() -> None:
    first, second, again = (
        made("--login", "ada", "--force"),
        made("--login", "grace", "--force"),
        made("--login", "ada", "--force"),
    )

    assert get_user_model().objects.get(username="ada").check_password(first["login"]["password"])
    assert len(first["login"]["password"]) >= 16
    assert first["login"]["password"] != second["login"]["password"]
    assert again["login"] == {"username": "ada", "password": None}


def test_while_developing_no_force_is_needed(settings: LazySettings) -> None:
    settings.DEBUG = True

    assert made("--login", "demo", "--password", "a password of my own")["login"] == {
        "username": "demo",
        "password": None,
    }
    assert get_user_model().objects.get().check_password("a password of my own")


def test_no_page_tells_to_install_the_demo_data() -> None:
    pages = [ROOT / "README.md", ROOT / "SECURITY.md", *(ROOT / "docs").glob("*.md")]

    assert [page.name for page in pages if "demo/demo" in page.read_text()] == []
    steps = (
        (ROOT / "README.md").read_text().split("Once, and after each upgrade:")[1].split("Then, each on its own:")[0]
    )
    assert "pms_demo_data" not in steps
    assert "createsuperuser" in steps
