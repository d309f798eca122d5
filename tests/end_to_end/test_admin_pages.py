"""A person at the admin, in a real browser: triage of a failed event, a conflict, the dashboard."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from channel_sync.conflicts import flag_conflict
from channel_sync.models import (
    ChannelEvent,
    ChannelMapping,
    Conflict,
    ConflictKind,
    EventStatus,
    EventType,
    ReconciliationRun,
    ReservationLink,
    RunStatus,
    Severity,
)
from pms_project.local_services.processes import ROOT
from pms_project.pms.models import Reservation
from pms_project.pms.services.stays import check_in
from tests import chromium
from tests.end_to_end.installation import LOGIN, Installation

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]

SCREENSHOTS = ROOT / "build" / "screenshots"
DESKTOP, PHONE = 1280, 390


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    """Chromium; its driver runs an event loop in this thread, beside which the models may be used all the same."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    with chromium.started() as started:
        yield started


@pytest.fixture
def page(browser: Browser, site: Installation) -> Iterator[Page]:
    """The admin, logged in; an error in a script fails the test, and so does what the page's own policy blocks."""
    opened = browser.new_page(viewport={"width": DESKTOP, "height": 900})
    opened.on("pageerror", lambda error: pytest.fail(f"script error: {error}"))
    messages: list[str] = []
    opened.on("console", lambda message: messages.append(message.text))
    opened.goto(f"{site.web}/admin/")
    opened.get_by_label("Username").fill(LOGIN)
    opened.get_by_label("Password").fill(LOGIN)
    opened.get_by_role("button", name="Log in").click()
    expect(opened.get_by_role("heading", name="Site administration")).to_be_visible()
    yield opened
    assert [message for message in messages if "Content Security Policy" in message] == []


def keep(page: Page, name: str) -> None:
    """A picture at both widths; on a phone nothing but tables may scroll sideways."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for width in (PHONE, DESKTOP):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(150)  # charts follow the width in the next frames
        path: Path = SCREENSHOTS / f"{name}-{width}.png"
        page.screenshot(path=path, full_page=True)
        assert path.stat().st_size > 5_000
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} is {wide} pixels too wide at {width}"


def test_a_failed_event_is_found_understood_and_mended(site: Installation, page: Page) -> None:
    suite = ChannelMapping.objects.get(external_id=site.rooms["Suite"])
    ChannelMapping.objects.filter(id=suite.id).update(is_active=False)
    arrival = date.today() + timedelta(weeks=70)
    stay = {"arrival": str(arrival), "departure": str(arrival + timedelta(days=2))}
    booking = site.beds24.book(roomId=int(site.rooms["Suite"]), lastName="Noether", **stay)
    failed = ChannelEvent.objects.filter(entity_external_id=str(booking["id"]), status=EventStatus.FAILED)
    site.eventually(failed.exists, "the booking of a room that is not mapped fails")

    page.get_by_role("link", name="Channel events").first.click()
    page.goto(f"{page.url}?status__exact=failed")
    keep(page, "failed-events")
    page.get_by_role("link", name=str(failed.get().id)[:8]).click()
    expect(page.get_by_text("is not mapped to a room type").first).to_be_visible()
    keep(page, "failed-event")
    event_page = page.url
    page.get_by_role("link", name="Add the missing mapping").click()
    expect(page.get_by_label("Channel side")).to_have_value(site.rooms["Suite"])
    page.get_by_label("PMS side").select_option(value=str(suite.internal_id))
    keep(page, "new-mapping")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was added successfully")).to_be_visible()
    keep(page, "mappings")
    site.eventually(lambda: not failed.exists(), "the event is worked again by itself")
    site.settle()
    page.goto(event_page)
    expect(page.locator(".cs-lead .cs-badge")).to_have_text("done")

    assert Reservation.objects.filter(channel_reference=booking["apiReference"]).count() == 1


def test_a_conflict_is_settled(site: Installation, page: Page) -> None:
    night = str(date.today() + timedelta(weeks=71))
    flag_conflict(
        site.channel_property,
        ConflictKind.AVAILABILITY,
        Severity.HIGH,
        "availability of the Suite",
        pms_side={"room_type_id": site.room_types["Suite"], "free_units": {night: 500}},
        channel_side={"room_id": site.rooms["Suite"], "free_units": {night: 490}},
    )
    conflict = Conflict.objects.get(subject="availability of the Suite")

    page.get_by_role("link", name="Conflicts").first.click()
    page.get_by_role("link", name="availability of the Suite").click()
    expect(page.locator("tr.cs-differs")).to_contain_text(night)
    keep(page, "conflict")
    page.get_by_role("button", name="Keep the PMS's side").click()
    expect(page.get_by_text("Settled: keep the pms's side")).to_be_visible()

    conflict.refresh_from_db()
    assert (conflict.status, conflict.resolved_by) == ("resolved", LOGIN)
    pushed = ChannelEvent.objects.filter(event_type=EventType.AVAILABILITY_UPDATE, received_at__gte=conflict.created_at)
    assert pushed.exists()
    site.settle()


def test_a_guest_does_not_show_up(site: Installation, page: Page) -> None:
    today = date.today()
    stay = {"arrival": str(today), "departure": str(today + timedelta(days=2))}
    booking = site.beds24.book(roomId=int(site.rooms["Single Room"]), channel="booking", lastName="Absent", **stay)
    links = ReservationLink.objects.filter(external_id=str(booking["id"]), reservation__isnull=False)
    site.eventually(links.exists, "the booking arrives")

    page.get_by_role("link", name="Bookings").first.click()
    page.locator("#searchbar").fill(booking["apiReference"])
    page.get_by_role("button", name="Search").click()
    keep(page, "bookings")
    page.get_by_role("link", name=str(booking["id"])).click()
    keep(page, "booking")
    page.get_by_role("button", name="No-show").click()
    expect(page.get_by_text("cannot be taken back")).to_be_visible()
    keep(page, "report")
    page.get_by_role("button", name="Yes").click()
    keep(page, "reported")

    assert [found["action"] for found in site.beds24.state()["reports"]] == ["reportNoShow"]


def test_what_an_ota_wants_of_a_guest_in_house_is_decided(site: Installation, page: Page) -> None:
    today = date.today()
    stay = {"arrival": str(today), "departure": str(today + timedelta(days=2))}
    booking = site.beds24.book(roomId=int(site.rooms["Single Room"]), channel="booking", lastName="Inside", **stay)
    links = ReservationLink.objects.filter(external_id=str(booking["id"]), reservation__isnull=False)
    site.eventually(links.exists, "the booking arrives")
    reservation = Reservation.objects.get(id=links.get().reservation_id)
    check_in(reservation.id)
    site.beds24.change(booking["id"], status="cancelled")
    conflicts = Conflict.objects.filter(subject=f"booking:{booking['id']}", kind=ConflictKind.STAY_BEGUN)
    site.eventually(conflicts.exists, "the cancellation waits for a person")

    page.goto(f"{site.web}/admin/channel_sync/conflict/{conflicts.get().id}/change/")
    keep(page, "stay-begun")
    page.get_by_role("button", name="Keep the PMS's side").click()
    expect(page.get_by_text("Settled")).to_be_visible()
    site.settle()

    (there,) = [found for found in site.beds24.bookings() if found["id"] == booking["id"]]
    assert there["status"] == "confirmed"


def test_the_dashboard_is_read(site: Installation, page: Page) -> None:
    arrival = date.today() + timedelta(weeks=72)
    stay = {"arrival": str(arrival), "departure": str(arrival + timedelta(days=1))}
    booking = site.beds24.book(roomId=int(site.rooms["Double Room"]), **stay)
    site.settle()
    done = ChannelEvent.objects.filter(entity_external_id=str(booking["id"]), status=EventStatus.DONE)
    site.eventually(done.exists, "the booking arrives")
    page.get_by_role("link", name="Channel properties").first.click()
    page.get_by_role("link", name="Dashboard").click()

    expect(page.get_by_role("heading", name="Success, 24 hours")).to_be_visible()
    for chart in ("cs-hours", "cs-latency"):
        page.wait_for_function(f"window.Chart && Chart.getChart('{chart}')")
        drawn = page.evaluate(f"Chart.getChart('{chart}').data.datasets.flatMap((set) => set.data).length")
        assert drawn >= 3
    expect(page.get_by_role("link", name="beds24 1001")).to_be_visible()
    keep(page, "dashboard")
    page.get_by_role("link", name="beds24 1001").click()
    page.get_by_role("button", name="Try the connection").click()
    expect(page.get_by_text("The channel answers in")).to_be_visible()
    keep(page, "property")
    page.get_by_role("button", name="First synchronisation").click()
    expect(page.get_by_text("Queued: import every booking")).to_be_visible()
    runs = ReconciliationRun.objects.filter(status=RunStatus.DONE, window_end__gt=date.today() + timedelta(days=300))
    site.eventually(runs.exists, "the reconciliation worker makes the first synchronisation")
    site.settle()
    page.goto(f"{site.web}/admin/channel_sync/channelmapping/")
    page.get_by_role("link", name="Suggest mappings").first.click()
    expect(page.get_by_text("is named like a room type that has no mapping")).to_be_visible()
    keep(page, "suggestions")


def test_a_property_is_paused_with_its_rooms_closed(site: Installation, page: Page) -> None:
    page.goto(f"{site.web}/admin/channel_sync/channelproperty/{site.channel_property.id}/change/")
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_text("these stay on sale at the channel")).to_be_visible()
    keep(page, "ask-to-pause")
    page.get_by_role("button", name="Yes, close the rooms at the channel, then pause").click()
    expect(page.get_by_text("Paused: its rooms are closed at the channel")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text(f"by {LOGIN}")
    keep(page, "paused")

    page.get_by_role("button", name="Resume").click()
    # Both sides are compared first; opening what the pause has closed is for a person to accept.
    page.get_by_role("button", name="Accept and go live").click(timeout=30_000)
    page.get_by_role("button", name="Yes, go live").click()
    expect(page.get_by_text("Live.", exact=True)).to_be_visible(timeout=60_000)
    site.settle()


def test_the_page_of_the_api_is_drawn(site: Installation, page: Page) -> None:
    page.goto(f"{site.web}/api/docs/")

    expect(page.locator("#operations-tag-admin, .opblock-tag").first).to_be_visible()
    page.locator(".opblock-summary-control").first.click()
    expect(page.locator(".opblock-description-wrapper, .parameters-container").first).to_be_visible()
