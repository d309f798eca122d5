"""Roles were global: an operator of one hotel read and acted on events, conflicts and guests of every other.

Every operation and page is tried as each caller, with rows of hotel B there and with B gone. To people of hotel A both
answers are the same, byte for byte: nothing of B is seen, counted, found by a filter, or other than what is not there.
B's rows are as they were.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from channel_sync.feed.numbering import number_new
from channel_sync.models import ChannelProperty, Role
from scripts.rights_table import document
from tests.conftest import ConnectedHotel
from tests.integration.test_openapi import document as openapi
from tests.questions import Ask, admin_acts, admin_filters, api_asks, api_filters, page_ask
from tests.staff import works_everywhere
from tests.two_hotels import Rows, administrator_of_all, hotel_a, hotel_b, staff_of
from tests.who_sees_what import ADMIN_ACTIONS, ADMIN_PAGES, ALLOWED, API, BESIDE, Caller, Needs

pytestmark = pytest.mark.django_db

MADE_ANEW = [
    (re.compile(r'name="csrfmiddlewaretoken" value="\w+"'), ""),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z|\+00:00| UTC)?"), "<time>"),
    (re.compile(r"\d+\.\d{3,}"), "<seconds>"),
    (
        re.compile(r'"(next|cursor|secret)":"[^"]+"|whsec_[^<"]+|(ntf|test)_[\w-]+|duration_ms":\d+'),
        "<of the feed>",
    ),
    (re.compile(r'milliseconds":\d+|in \d+ ms|credits_remaining":"[\d.]+"|[\d.]+ credits'), "<of the channel>"),
]
AN_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


@dataclass(frozen=True)
class Answer:
    """What came back, without what is new in each answer."""

    status: int
    location: str
    body: str


@dataclass(frozen=True)
class House:
    """Both hotels, and how to ask as somebody."""

    a: Rows
    b: Rows

    def login(self, caller: Caller) -> Client:
        client = Client(raise_request_exception=False)
        if caller is Caller.NOBODY:
            return client
        hotel = self.a.of["hotel"]
        if caller is Caller.ALL:
            client.force_login(works_everywhere(administrator_of_all(), Role.ADMINISTRATOR))
            return client
        role = {Caller.VIEWER: Role.VIEWER, Caller.OPERATOR: Role.OPERATOR, Caller.ADMINISTRATOR: Role.ADMINISTRATOR}
        user = staff_of(hotel, caller.name.lower(), role.get(caller))
        if caller is Caller.DESK:
            works_at_the_desk(user)
        client.force_login(user)
        return client

    def answer(self, client: Client, ask: Ask, known: set[str], *, unchanged: Rows | None = None) -> Answer:
        """Ask, and leave no trace; `unchanged` are rows that the request must not touch."""
        cookies = dict(client.cookies)
        before = unchanged.stored() if unchanged is not None and ask.method != "get" else None
        with transaction.atomic():
            found = _sent(client, ask)
            if before is not None and unchanged is not None:
                assert unchanged.stored() == before, f"{ask} has changed the other hotel"
            transaction.set_rollback(True)
        client.cookies.clear()
        client.cookies.update(cookies)
        body = b"".join(found) if found.streaming else found.content
        return Answer(found.status_code, _plain(found.headers.get("Location", ""), known), _plain(body.decode(), known))


def works_at_the_desk(user: Any) -> None:
    """Every permission of the PMS, in the hotels that the user works in."""
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="pms").exclude(codename="all_hotels"))


def _sent(client: Client, ask: Ask) -> Any:
    if ask.method == "get":
        return client.get(ask.path, ask.query)
    if ask.is_form or ask.path.startswith("/admin/"):
        return client.post(ask.path, ask.body)
    content = json.dumps(ask.body) if ask.body is not None else ""
    return getattr(client, ask.method)(ask.path, content, content_type="application/json", query_params=ask.query)


def _plain(body: str, known: set[str]) -> str:
    for pattern, instead in MADE_ANEW:
        body = pattern.sub(instead, body)
    return AN_ID.sub(lambda found: found[0] if found[0] in known else "<id>", body)


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Hundreds of refusals are meant; each would be logged with its traceback."""
    for name in ("django.request", "django.security", "channel_sync"):
        caplog.set_level("ERROR", logger=name)


@pytest.fixture
def house(connected: ConnectedHotel, topology_at_broker: None) -> House:
    ChannelProperty.objects.update(held_since=None)
    house = House(hotel_a(connected.hotel, connected.channel_property, connected.double), hotel_b())
    # Whoever reads the feed gives all that has happened its place there.
    number_new()
    return house


PARTS: Mapping[str, Callable[[Rows, Rows], Iterable[Ask]]] = {
    "operations": lambda rows, _: api_asks(rows),
    "filters": lambda rows, _: [*api_filters(rows), *admin_filters(rows)],
    "pages": lambda rows, _: [page_ask(page, rows) for page, needs in ADMIN_PAGES.items() if needs is not Needs.DJANGO],
    "buttons": admin_acts,
}


@pytest.mark.parametrize("part", PARTS)
def test_for_people_of_hotel_a_there_is_no_hotel_b(house: House, part: str) -> None:
    """One who is administrator and front desk of A: what they do not see, nobody of A sees."""
    client, known = house.login(Caller.ADMINISTRATOR), house.a.ids() | house.b.ids()
    works_at_the_desk(get_user_model().objects.get(username="administrator"))
    asks = [*PARTS[part](house.a, house.a), *PARTS[part](house.b, house.a)]

    with_b = [house.answer(client, ask, known, unchanged=house.b) for ask in asks]
    with transaction.atomic():
        house.b.remove()
        without_b = [house.answer(client, ask, known) for ask in asks]
        transaction.set_rollback(True)

    differs = [
        f"{ask}: {_difference(there, gone)}"
        for ask, there, gone in zip(asks, with_b, without_b, strict=True)
        if there != gone
    ]
    assert not differs, "\n".join(differs)
    _require_unseen(house, asks, with_b)


@pytest.mark.parametrize("caller", [Caller.NO_ROLE, Caller.VIEWER, Caller.OPERATOR, Caller.DESK])
def test_nothing_of_hotel_b_is_seen_or_touched_by_less(house: House, caller: Caller) -> None:
    client, known = house.login(caller), house.a.ids() | house.b.ids()
    reads = caller in (Caller.VIEWER, Caller.DESK)
    all_of_b = chain.from_iterable(of_part(house.b, house.a) for of_part in PARTS.values())
    asks = [ask for ask in all_of_b if (ask.method == "get") is reads]

    _require_unseen(house, asks, [house.answer(client, ask, known, unchanged=house.b) for ask in asks])


def _require_unseen(house: House, asks: Sequence[Ask], answers: Sequence[Answer]) -> None:
    seen = [f"{ask}: {mark}" for ask, answer in zip(asks, answers, strict=True) for mark in _seen(ask, answer, house.b)]
    assert not seen, "\n".join(seen)
    broken = [f"{ask}: {answer.status}" for ask, answer in zip(asks, answers, strict=True) if answer.status == 500]
    assert not broken, "\n".join(broken)


def _difference(there: Answer, gone: Answer) -> str:
    if (there.status, there.location) != (gone.status, gone.location):
        return f"{there.status} {there.location}, and {gone.status} {gone.location} without it"
    at = next((n for n, (x, y) in enumerate(zip(there.body, gone.body, strict=False)) if x != y), 0)
    return f"...{there.body[max(at - 60, 0) : at + 60]!r}, and ...{gone.body[max(at - 60, 0) : at + 60]!r} without it"


def _seen(ask: Ask, answer: Answer, other: Rows) -> list[str]:
    """What is of the other hotel in an answer, and was not in the question."""
    asked = str(ask)
    return [
        mark for mark in (*other.marks, *other.ids()) if mark in answer.body + answer.location and mark not in asked
    ]


@pytest.mark.parametrize("caller", list(Caller))
def test_each_may_do_what_the_matrix_says_with_rows_of_their_hotel(house: House, caller: Caller) -> None:
    client, known = house.login(caller), house.a.ids()
    wrong = []
    for ask in [*api_asks(house.a), *(page_ask(page, house.a) for page in ADMIN_PAGES), *admin_acts(house.a, house.a)]:
        needs = (API | ADMIN_ACTIONS).get(ask.key) or ADMIN_PAGES[ask.key[0]]
        answer = house.answer(client, ask, known)
        if ask.key[0] in ("app_list", "login"):
            continue
        if _is_refused(ask, answer) is (caller in ALLOWED[needs]) or answer.status == 500:
            wrong.append(f"{ask} needs {needs}: {answer.status} {answer.location}")

    assert not wrong, "\n".join(wrong)


def _is_refused(ask: Ask, answer: Answer) -> bool:
    if answer.status in (401, 403, 404):
        return True
    if "selected" in ask.key[1] and answer.status == 200:
        # Django shows the list again to who has no such action.
        return 'name="confirmed"' not in answer.body
    return answer.status == 302 and ("/admin/login/" in answer.location or answer.location == "/admin/")


def test_no_operation_page_or_address_is_left_out() -> None:
    operations = {(method, path) for path, methods in openapi()["paths"].items() for method in methods}
    assert operations == set(API)
    pages = {found.name for found in admin.site.get_urls() for found in _patterns(found) if found.name}
    assert pages == set(ADMIN_PAGES)
    others = {
        name for prefix, name, route in _named(get_resolver())
        if prefix != "admin:" and not name.startswith("channel_sync_api:") and not _is_operation(route)
    }  # fmt: skip
    assert others <= set(BESIDE) | {""}


def _patterns(found: URLPattern | URLResolver) -> Iterator[URLPattern]:
    if isinstance(found, URLResolver):
        for inner in found.url_patterns:
            yield from _patterns(inner)
    else:
        yield found


def _named(resolver: URLResolver, prefix: str = "", route: str = "") -> Iterator[tuple[str, str, str]]:
    for found in resolver.url_patterns:
        address = route + str(found.pattern)
        if isinstance(found, URLResolver):
            yield from _named(found, f"{found.namespace}:" if found.namespace else prefix, address)
        else:
            yield prefix, f"{prefix}{found.name}" if found.name else "", address


def _is_operation(route: str) -> bool:
    """Of the PMS's router: a list, a row or an action, each of which is an operation of the schema."""
    plain = re.sub(r"\(\?P<pk>[^)]*\)", "{id}", route).replace("^", "").replace("$", "")
    return any(f"/{plain}" == path for _, path in API) or "format" in plain


def test_the_document_is_printed_from_the_matrix() -> None:
    """`python -m scripts.rights_table > docs/rights.md` makes it anew."""
    assert (Path(__file__).parents[2] / "docs" / "rights.md").read_text() == document()
