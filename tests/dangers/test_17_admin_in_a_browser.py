"""Danger: Enter in the reason of an event retries it, and what differs in a conflict is unreadable in dark mode."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, Page

from channel_sync.conflicts import flag_conflict
from channel_sync.models import ChannelEvent, Conflict, ConflictKind, EventStatus, Severity
from pms_project.local_services.processes import ROOT
from tests import chromium
from tests.factories import ChannelConnectionFactory, EventFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]

SCREENSHOTS = ROOT / "build" / "screenshots"
DESKTOP, PHONE = 1280, 390
LEGIBLE = 4.5  # WCAG 2.2, level AA
STATES = ["done", "failed", "retrying", "processing", "received", "ignored", "high", "medium", "low", "inactive"]

# The colour of an element's text and what is painted behind it, each [red, green, blue].
COLOURS = """element => {
    const context = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const behind = [];
    for (let one = element; one; one = one.parentElement) behind.unshift(getComputedStyle(one).backgroundColor);
    const painted = colours => {
        for (const colour of colours) { context.fillStyle = colour; context.fillRect(0, 0, 1, 1); }
        return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    return [painted([...behind, getComputedStyle(element).color]), painted(['white', ...behind])];
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        with chromium.started() as started:
            yield started


@pytest.fixture
def page(browser: Browser, live_server: Any) -> Iterator[Page]:
    """A page that is logged in; addresses are relative to the site."""
    login = Client()
    login.force_login(get_user_model().objects.create_superuser("manager"))
    context = browser.new_context(base_url=live_server.url, viewport={"width": DESKTOP, "height": 900})
    session = login.cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
    yield context.new_page()
    context.close()


def event_page(event: ChannelEvent) -> str:
    return reverse("admin:channel_sync_channelevent_change", args=[event.pk])


def conflict_page() -> str:
    flag_conflict(
        ChannelConnectionFactory().channel_property,
        ConflictKind.DATES,
        Severity.HIGH,
        "booking:5000001",
        pms_side={"check_in": "2027-03-01", "check_out": "2027-03-04", "status": "confirmed"},
        channel_side={"check_in": "2027-03-02", "check_out": "2027-03-04", "status": "confirmed"},
    )
    return reverse("admin:channel_sync_conflict_change", args=[Conflict.objects.get().pk])


def keep(page: Page, name: str) -> None:
    """Pictures to look at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for width in (PHONE, DESKTOP):
        page.set_viewport_size({"width": width, "height": 900})
        path: Path = SCREENSHOTS / f"{name}-{width}.png"
        page.screenshot(path=path, full_page=True)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} is {wide} pixels too wide at {width}"


def luminance(colour: list[int]) -> float:
    parts = [one / 255 for one in colour]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(text: list[int], behind: list[int]) -> float:
    darker, lighter = sorted([luminance(text), luminance(behind)])
    return (lighter + 0.05) / (darker + 0.05)


def illegible(page: Page, selector: str) -> dict[str, float]:
    """The elements whose text stands out too little, with their contrast."""
    found = page.locator(selector)
    assert found.count(), f"nothing is {selector}"
    measured = {one.inner_text()[:40]: contrast(*one.evaluate(COLOURS)) for one in found.all() if one.inner_text()}
    return {text: round(ratio, 2) for text, ratio in measured.items() if ratio < LEGIBLE}


def in_theme(page: Page, theme: str) -> None:
    """Light or dark by the choice in the admin, or by the system where the choice is "auto"."""
    system: Any = "light" if theme == "light" else "dark"
    page.emulate_media(color_scheme=system)
    chosen = "auto" if theme == "auto in a dark system" else theme
    page.add_init_script(f"localStorage.setItem('theme', '{chosen}')")


THEMES = pytest.mark.parametrize("theme", ["light", "dark", "auto in a dark system"])


def test_enter_in_the_reason_ignores_an_event(page: Page) -> None:
    event = EventFactory(status=EventStatus.FAILED)
    page.goto(event_page(event))

    page.get_by_label("Reason").fill("a test booking")
    page.get_by_label("Reason").press("Enter")
    page.get_by_text("Done: ignore.").wait_for()

    event.refresh_from_db()
    assert event.status == EventStatus.IGNORED
    assert str(event.last_error).endswith(": a test booking")


@pytest.mark.parametrize(("button", "status"), [("Retry", "received"), ("Replay", "received"), ("Ignore", "ignored")])
def test_each_button_of_an_event_does_what_it_says(page: Page, button: str, status: str) -> None:
    event = EventFactory(status=EventStatus.FAILED)
    page.goto(event_page(event))

    page.get_by_role("button", name=button, exact=True).click()
    page.get_by_text(f"Done: {button.lower()}.").wait_for()

    event.refresh_from_db()
    assert event.status == status


@pytest.mark.parametrize("name", ["channelevent", "conflict", "channelproperty"])
def test_a_form_with_a_text_field_has_one_button(page: Page, name: str) -> None:
    """Enter in a text field presses the first button of its form."""
    event = EventFactory(status=EventStatus.FAILED)
    conflict = conflict_page()
    property_page = reverse("admin:channel_sync_channelproperty_change", args=[event.channel_property_id])
    page.goto({"channelevent": event_page(event), "conflict": conflict, "channelproperty": property_page}[name])

    forms = page.locator("#content-main form").all()

    assert forms
    for form in forms:
        texts = form.locator("input:not([type=hidden]), textarea").count()
        assert texts == 0 or form.locator("button, input[type=submit]").count() == 1


@THEMES
def test_what_differs_in_a_conflict_is_legible(page: Page, theme: str) -> None:
    in_theme(page, theme)
    page.goto(conflict_page())
    keep(page, f"conflict-{theme.split()[0]}")

    assert not illegible(page, ".cs-differs td, .cs-differs th")
    assert not illegible(page, ".cs-sides td, .cs-sides th, .cs-badge, .cs-lead, .cs-actions .button")


def test_what_differs_stands_out_from_what_does_not(page: Page) -> None:
    in_theme(page, "dark")
    page.goto(conflict_page())

    _, differing = page.locator(".cs-differs td").first.evaluate(COLOURS)
    _, same = page.locator("tr:not(.cs-differs) td").first.evaluate(COLOURS)

    assert differing != same


@THEMES
def test_badges_and_errors_are_legible(page: Page, theme: str) -> None:
    in_theme(page, theme)
    events = [
        EventFactory(status=status, entity_external_id="5000001", last_error="Fatal: no such room")
        for status in EventStatus
    ]
    failed = next(event for event in events if event.status == EventStatus.FAILED)
    page.goto(reverse("admin:channel_sync_channelevent_changelist"))
    keep(page, f"events-{theme.split()[0]}")
    assert not illegible(page, ".cs-badge, .cs-why")

    page.goto(event_page(failed))
    page.evaluate(
        """states => states.forEach(state => document.querySelector('.cs-lead').insertAdjacentHTML(
            'beforeend', ` <span class="cs-badge cs-${state}">${state}</span>`))""",
        [*STATES, "error", "open", "resolved", "dismissed", "running", "active"],
    )
    keep(page, f"event-{theme.split()[0]}")

    assert not illegible(page, ".cs-badge, .cs-why, .cs-error, .cs-facts dt, .cs-facts dd, .cs-json, .cs-page .button")


@THEMES
def test_the_other_pages_are_legible(page: Page, theme: str) -> None:
    in_theme(page, theme)
    EventFactory(channel_property=ChannelConnectionFactory().channel_property, status=EventStatus.FAILED)
    for name in ("dashboard", "channelmapping_changelist", "mapping_test", "connect"):
        page.goto(reverse(f"admin:channel_sync_{name}"))
        keep(page, f"{name.replace('_', '-')}-{theme.split()[0]}")
        texts = "h3, p, th, td, caption, code, dt, dd, label, .button, .cs-badge, .cs-why, a"
        everything = ", ".join(f"#content-main {one}, .cs-cards {one}" for one in texts.split(", "))
        assert not illegible(page, everything), name


@THEMES
def test_the_page_that_asks_before_pausing_is_legible(page: Page, theme: str) -> None:
    in_theme(page, theme)
    connected = ChannelConnectionFactory().channel_property
    page.goto(reverse("admin:channel_sync_channelproperty_change", args=[connected.pk]))
    page.get_by_role("button", name="Pause").click()
    keep(page, f"pause-{theme.split()[0]}")

    assert not illegible(page, "#content-main p, #content-main .button")
    page.get_by_role("button", name="Yes, pause").click()
    page.get_by_text("Paused", exact=True).wait_for()


def test_no_colour_is_for_one_theme_only() -> None:
    """A text that has a fixed colour needs a fixed colour behind it, which only badges have."""
    sheet = (ROOT / "channel_sync/static/channel_sync/admin.css").read_text()

    fixed = re.findall(r"(?<![-\w])(?:color|background):\s*#\w+", sheet)

    assert fixed == ["color: #fff"]
