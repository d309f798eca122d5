"""Sixty wrong passwords in a row were answered as fast as the first, and any password could be chosen."""

from __future__ import annotations

import threading
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.conf import LazySettings
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connections
from django.test import Client

from pms_project.pms.guarded_passwords import AT_ONCE
from pms_project.pms.models import HotelSettings

pytestmark = pytest.mark.django_db

PASSWORD = "a long enough passphrase"
STRANGER, DESK = "203.0.113.7", "198.51.100.20"
GUESSES = 60
REFUSED = {401}
ROOM_TYPES = "/api/room-types/"


@pytest.fixture(autouse=True)
def clerks(db: None) -> None:
    for name in ("ada", "grace"):
        get_user_model().objects.create_superuser(name, password=PASSWORD)
    HotelSettings.objects.create(name="Harbour View")


def log_in(username: str, password: str, address: str) -> int:
    form = {"username": username, "password": password, "next": "/admin/"}
    return Client().post("/admin/login/", form, REMOTE_ADDR=address).status_code


def ask_api(username: str, password: str, address: str, **options: str) -> int:
    credentials = b64encode(f"{username}:{password}".encode()).decode()
    headers = {"Authorization": f"Basic {credentials}"}
    return Client().get(ROOM_TYPES, headers=headers, REMOTE_ADDR=address, **options).status_code


def test_guessing_at_the_admin_is_slowed() -> None:
    statuses = [log_in("ada", f"guess {number}", STRANGER) for number in range(GUESSES)]

    assert statuses[0] == 200
    assert set(statuses[10:]) == {429}
    assert log_in("ada", PASSWORD, STRANGER) == 429


def test_guessing_at_the_api_is_slowed_and_is_answered_in_json() -> None:
    statuses = [ask_api("ada", f"guess {number}", STRANGER) for number in range(GUESSES)]

    assert set(statuses[:9]) <= REFUSED
    assert set(statuses[10:]) == {429}
    credentials = b64encode(f"ada:{PASSWORD}".encode()).decode()
    refused = Client().get(ROOM_TYPES, headers={"Authorization": f"Basic {credentials}"}, REMOTE_ADDR=STRANGER)
    assert refused.status_code == 429
    assert "Too many" in refused.json()["errors"][0]["detail"]
    assert int(refused.headers["Retry-After"]) > 60


def test_a_stranger_locks_nobody_out() -> None:
    for number in range(GUESSES):
        log_in("ada", f"guess {number}", STRANGER)

    assert log_in("ada", PASSWORD, DESK) == 302
    assert ask_api("ada", PASSWORD, DESK) == 200


def test_a_colleague_at_the_same_address_gets_in() -> None:
    for number in range(GUESSES):
        log_in("ada", f"guess {number}", DESK)

    assert log_in("grace", PASSWORD, DESK) == 302
    assert ask_api("grace", PASSWORD, DESK) == 200


def test_a_few_typing_errors_are_forgotten_with_the_right_password() -> None:
    for _ in range(3):
        for number in range(6):
            log_in("ada", f"typing error {number}", DESK)
        assert log_in("ada", PASSWORD, DESK) == 302


def test_the_lock_ends_by_itself_although_guessing_goes_on(settings: LazySettings) -> None:
    for number in range(GUESSES):
        log_in("ada", f"guess {number}", STRANGER)
    attempt = AccessAttempt.objects.get(username="ada")
    assert attempt.failures_since_start == settings.AXES_FAILURE_LIMIT
    attempt.attempt_time -= settings.AXES_COOLOFF_TIME + timedelta(seconds=1)
    attempt.save()

    assert log_in("ada", PASSWORD, STRANGER) == 302


def test_a_body_that_cannot_be_read_hides_no_guess() -> None:
    """Otherwise an answer of 400 would say "wrong password" without being counted."""
    statuses = [
        Client()
        .generic(
            method,
            ROOM_TYPES,
            b"{",
            content_type=content_type,
            headers={"Authorization": f"Basic {b64encode(f'ada:guess {number}'.encode()).decode()}"},
            REMOTE_ADDR=STRANGER,
        )
        .status_code
        for number, (method, content_type) in enumerate(
            [("GET", "application/json"), ("POST", "application/json"), ("POST", "multipart/form-data")] * 10
        )
    ]

    assert set(statuses) <= {*REFUSED, 429}
    assert statuses[-3:] == [429, 429, 401]


@pytest.mark.parametrize("password", ["short", "password1234", "918273645546", "gracehopper1"])
def test_a_weak_password_is_refused(password: str) -> None:
    user = get_user_model()(username="gracehopper", email="grace@hotel.example")

    with pytest.raises(ValidationError):
        validate_password(password, user)
    validate_password(PASSWORD, user)


def test_many_logins_tried_from_one_address_are_slowed_before_a_password_is_hashed(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LOGIN_FAILURES_OF_ADDRESS = 20
    statuses = [ask_api(f"nobody {number}", "guess", STRANGER) for number in range(20)]
    hashed: list[object] = []
    monkeypatch.setattr(ModelBackend, "authenticate", lambda *args, **options: hashed.append(args))

    assert set(statuses) == {401}
    assert ask_api("nobody else", "guess", STRANGER) == 429
    assert log_in("ada", PASSWORD, STRANGER) == 429
    assert Client().post("/api/auth/login/", {}, "application/json", REMOTE_ADDR=STRANGER).status_code == 400
    form = {"username": "ada", "password": PASSWORD}
    assert Client().post("/api/auth/login/", form, "application/json", REMOTE_ADDR=STRANGER).status_code == 429
    assert not hashed
    ask_api("ada", PASSWORD, DESK)
    assert hashed


def test_a_lock_of_an_address_is_ended_by_the_address_and_not_by_a_login(settings: LazySettings) -> None:
    """As docs/operations.md says."""
    settings.LOGIN_FAILURES_OF_ADDRESS = 5
    for number in range(5):
        ask_api(f"nobody {number}", "guess", STRANGER)

    call_command("axes_reset_username", "ada")
    assert ask_api("ada", PASSWORD, STRANGER) == 429
    call_command("axes_reset_ip", STRANGER)
    assert ask_api("ada", PASSWORD, STRANGER) == 200


@pytest.mark.django_db(transaction=True)
def test_few_passwords_of_a_process_are_looked_at_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other threads go on with webhooks."""
    looking, go_on = threading.Semaphore(0), threading.Event()

    def slowly(*args: object, **options: object) -> None:
        looking.release()
        go_on.wait(20)

    def guess(number: int) -> int:
        try:
            return ask_api(f"nobody {number}", "guess", STRANGER)
        finally:
            connections.close_all()

    monkeypatch.setattr(ModelBackend, "authenticate", slowly)
    with ThreadPoolExecutor(6) as pool:
        first = [pool.submit(guess, number) for number in range(AT_ONCE)]
        for _ in first:
            assert looking.acquire(timeout=10)
        others = [pool.submit(guess, number) for number in range(2, 6)]
        refused = [answer.result(15) for answer in others]
        go_on.set()
        looked_at = [answer.result(15) for answer in first]

    assert refused == [429] * 4
    # Who came at a busy moment has guessed nothing.
    assert set(AccessAttempt.objects.values_list("failures_since_start", flat=True)) == {1}
    assert AccessAttempt.objects.count() == len(first)
    assert looked_at == [401] * len(first)
