"""The admin pages: triage, mappings, conflicts, properties and the dashboard, each for the roles that may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from channel_sync.conflicts import flag_conflict
from channel_sync.errors import WaitsFor
from channel_sync.models import (
    Alert,
    AuditEntry,
    ChannelEvent,
    ChannelMapping,
    ChannelProperty,
    Conflict,
    ConflictKind,
    EventStatus,
    Severity,
)
from channel_sync.operations.roles import Role
from tests.conftest import ConnectedHotel
from tests.factories import EventFactory, HotelFactory, RoomTypeFactory
from tests.staff import works_everywhere

pytestmark = pytest.mark.django_db

Browser = Callable[[Role | None], Client]


@pytest.fixture
def browser_of(db: None) -> Browser:
    """Staff, logged in with a role."""

    def client(role: Role | None) -> Client:
        user, _ = get_user_model().objects.get_or_create(
            username=role.name.lower() if role else "nobody", defaults={"is_staff": True}
        )
        if role is not None:
            works_everywhere(user, role)
        made = Client()
        made.force_login(user)
        return made

    return client


def address(page: str, *arguments: Any) -> str:
    return reverse(f"admin:channel_sync_{page}", args=arguments)


def text(answer: Any) -> str:
    assert answer.status_code == 200, answer
    return str(answer.content.decode())


PAGES = [
    "channelevent_changelist", "channelmapping_changelist", "conflict_changelist", "reconciliationrun_changelist",
    "channelproperty_changelist", "alert_changelist", "auditentry_changelist", "reservationlink_changelist",
    "dashboard",
]  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_pages_are_for_viewers_and_fine_when_empty(browser_of: Browser, page: str) -> None:
    assert browser_of(Role.VIEWER).get(address(page)).status_code == 200
    assert browser_of(None).get(address(page)).status_code == 403
    assert Client().get(address(page)).status_code == 302


def test_events_are_found_by_booking_and_by_id(browser_of: Browser) -> None:
    wanted = EventFactory(entity_external_id="5000001", status=EventStatus.FAILED, last_error="Fatal: no such room")
    other = EventFactory(entity_external_id="5000002")
    viewer = browser_of(Role.VIEWER)

    for term in ("5000001", str(wanted.id)):
        page = text(viewer.get(address("channelevent_changelist"), {"q": term}))
        assert str(wanted.id)[:8] in page
        assert str(other.id)[:8] not in page
    assert "Fatal: no such room" in text(viewer.get(address("channelevent_changelist"), {"status__exact": "failed"}))


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"status": EventStatus.RECEIVED}, "a worker of its queue"),
        ({"status": EventStatus.RETRYING, "waits_for": WaitsFor.PAUSE}, "the property to be resumed"),
        ({"status": EventStatus.RETRYING}, "its next attempt"),
        ({"status": EventStatus.PROCESSING}, "a worker has it"),
    ],
)
def test_the_page_of_an_open_event_says_what_it_waits_for(
    browser_of: Browser, columns: dict[str, Any], expected: str
) -> None:
    event = EventFactory(**columns)

    page = text(browser_of(Role.VIEWER).get(address("channelevent_change", event.id)))

    assert "Waits for" in page
    assert expected in page


def test_an_event_tells_its_story_and_payloads_only_to_operators(browser_of: Browser) -> None:
    event = EventFactory(
        entity_external_id="5000001", status=EventStatus.FAILED, last_error="Fatal: <why>", payload={"name": "Lovelace"}
    )
    EventFactory(channel_property=event.channel_property, entity_external_id="5000001", event_type="booking.modified")

    viewed = text(browser_of(Role.VIEWER).get(address("channelevent_change", event.id)))
    operated = text(browser_of(Role.OPERATOR).get(address("channelevent_change", event.id)))

    assert "Fatal: &lt;why&gt;" in viewed
    assert "booking.modified" in viewed
    assert "Lovelace" not in viewed
    assert "Retry" not in viewed
    assert "Lovelace" in operated
    assert 'value="retry"' in operated


@pytest.mark.parametrize(("do", "status"), [("retry", "received"), ("replay", "received"), ("ignore", "ignored")])
def test_buttons_of_an_event(browser_of: Browser, do: str, status: str) -> None:
    event = EventFactory(status=EventStatus.FAILED)
    page = address("channelevent_change", event.id)

    assert browser_of(Role.VIEWER).post(page, {"do": do}).status_code == 403
    told = text(browser_of(Role.OPERATOR).post(page, {"do": do, "reason": "a test"}, follow=True))

    event.refresh_from_db()
    assert event.status == status
    assert f"Done: {do}." in told
    assert AuditEntry.objects.get().actor == "operator"


@pytest.mark.parametrize(("action", "status"), [("retry", "received"), ("replay", "received"), ("ignore", "ignored")])
def test_bulk_actions_ask_first(browser_of: Browser, action: str, status: str) -> None:
    events = EventFactory.create_batch(3, status=EventStatus.FAILED)
    operator, page = browser_of(Role.OPERATOR), address("channelevent_changelist")
    chosen = {"action": f"{action}_selected", "_selected_action": [str(event.id) for event in events]}

    asked = text(operator.post(page, chosen))
    assert ChannelEvent.objects.filter(status=EventStatus.FAILED).count() == 3
    told = text(operator.post(page, {**chosen, "confirmed": "yes", "reason": "tests"}, follow=True))

    assert f"Yes, {action}" in asked
    assert ChannelEvent.objects.filter(status=status).count() == 3
    assert f"3 of 3 events: {action}." in told
    ChannelEvent.objects.update(status=EventStatus.FAILED)
    browser_of(Role.VIEWER).post(page, {**chosen, "confirmed": "yes"})
    assert ChannelEvent.objects.filter(status=EventStatus.FAILED).count() == 3


def test_an_unmapped_event_leads_to_its_mapping(browser_of: Browser, connected: ConnectedHotel) -> None:
    event = EventFactory(
        channel_property=connected.channel_property,
        status=EventStatus.FAILED,
        last_error="UnmappedRoom: Room '2999' …",
        payload={"booking": {"roomId": 2999}},
    )

    page = text(browser_of(Role.ADMINISTRATOR).get(address("channelevent_change", event.id)))

    assert "external_id=2999" in page
    assert "Add the missing mapping" not in text(
        browser_of(Role.OPERATOR).get(address("channelevent_change", event.id))
    )


def mapping_form(hotel: ConnectedHotel, **changes: Any) -> dict[str, Any]:
    return {
        "channel_property": str(hotel.channel_property.id),
        "mapping_type": "room_type",
        "internal_id": str(hotel.double.id),
        "external_id": "2999",
        "is_active": "on",
        **changes,
    }


@pytest.mark.parametrize("named", ["8", "x", "%00"])
def test_a_form_for_a_property_that_cannot_be_is_an_empty_one(
    connected: ConnectedHotel, browser_of: Browser, named: str
) -> None:
    answer = browser_of(Role.ADMINISTRATOR).get(f"{address('channelmapping_add')}?channel_property={named}")

    assert answer.status_code == 200


def test_mappings_are_added_by_the_rules_of_the_api(browser_of: Browser, connected: ConnectedHotel) -> None:
    suite = RoomTypeFactory(hotel=connected.hotel, name="Suite")
    administrator, page = browser_of(Role.ADMINISTRATOR), address("channelmapping_add")

    assert browser_of(Role.OPERATOR).get(page).status_code == 403
    assert "is not of the form" in text(administrator.post(page, mapping_form(connected, external_id="seven")))
    double = text(administrator.post(page, mapping_form(connected), follow=True))
    assert "Its internal id is mapped already" in double
    assert "was added successfully" not in double
    added = text(administrator.post(page, mapping_form(connected, internal_id=str(suite.id)), follow=True))

    assert "was added successfully" in added
    assert ChannelMapping.objects.get(external_id="2999").internal_id == suite.id
    assert AuditEntry.objects.get().action == "mapping.created"


def test_mappings_are_changed_and_removed(browser_of: Browser, connected: ConnectedHotel) -> None:
    mapping = ChannelMapping.objects.get(internal_id=connected.double.id)
    administrator = browser_of(Role.ADMINISTRATOR)
    chosen = {"action": "remove_selected", "_selected_action": [str(mapping.id)]}

    moved = mapping_form(connected, external_id="2888")
    asked = text(administrator.post(address("channelmapping_change", mapping.id), moved))
    assert "Close room 2001 at the channel?" in asked
    assert "10 units a night" in asked
    administrator.post(address("channelmapping_change", mapping.id), {**moved, "confirmed": "yes"})
    mapping.refresh_from_db()
    assert mapping.external_id == "2888"
    assert "Yes, remove" in text(administrator.post(address("channelmapping_changelist"), chosen))
    administrator.post(address("channelmapping_changelist"), {**chosen, "confirmed": "yes"})

    mapping.refresh_from_db()
    assert mapping.is_active is False
    again = text(administrator.post(address("channelmapping_add"), mapping_form(connected), follow=True))
    assert "was added successfully" in again
    assert ChannelMapping.objects.get(internal_id=connected.double.id).external_id == "2999"


def test_completeness_names_what_is_missing(browser_of: Browser, connected: ConnectedHotel) -> None:
    RoomTypeFactory(hotel=connected.hotel, name="Attic")

    page = text(browser_of(Role.VIEWER).get(address("channelmapping_changelist")))

    assert "Room types: 2 of 3" in page
    assert "Not mapped: Attic" in page
    assert "Double Room" in page


def test_a_booking_is_tried(browser_of: Browser, connected: ConnectedHotel) -> None:
    operator, page = browser_of(Role.OPERATOR), address("mapping_test")
    booking = (
        '{"id": 1, "propertyId": 1001, "roomId": %s, "status": "new", "arrival": "2027-03-01", '
        '"departure": "2027-03-04"}'
    )

    found = text(operator.post(page, {"payload": booking % 2001, "mapping_type": "room_type"}))
    missing = text(operator.post(page, {"payload": booking % 2999, "mapping_type": "room_type"}))

    assert "It is mapped to Double Room" in found
    assert "Nothing is mapped to &#x27;2999&#x27;" in missing
    assert "A JSON object is needed" in text(operator.post(page, {"payload": "[1]", "mapping_type": "room_type"}))
    assert browser_of(Role.VIEWER).get(page).status_code == 403


def test_a_conflict_shows_both_sides_and_is_settled(browser_of: Browser, connected: ConnectedHotel) -> None:
    flag_conflict(
        connected.channel_property,
        ConflictKind.AVAILABILITY,
        Severity.HIGH,
        "availability",
        pms_side={"room_type_id": str(connected.double.id), "free_units": {"2027-03-01": 10}},
        channel_side={"room_id": "2001", "free_units": {"2027-03-01": 4}},
    )
    conflict = Conflict.objects.get()
    page = address("conflict_change", conflict.id)
    operator = browser_of(Role.OPERATOR)

    shown = text(operator.get(page))
    assert "cs-differs" in shown
    assert "2027-03-01" in shown
    assert "<button" not in text(browser_of(Role.VIEWER).get(page)).split("cs-sides")[1]
    assert browser_of(Role.VIEWER).post(page, {"resolution": "dismiss"}).status_code == 403
    refused = text(operator.post(page, {"resolution": "take_channel"}, follow=True))
    assert "cannot be resolved" in refused
    settled = text(operator.post(page, {"resolution": "keep_pms"}, follow=True))

    conflict.refresh_from_db()
    assert (conflict.status, conflict.resolved_by) == ("resolved", "operator")
    assert "keep_pms by operator" in settled


def test_a_property_is_tried_paused_resumed_and_compared(
    browser_of: Browser, connected: ConnectedHotel, topology_at_broker: None
) -> None:
    page = address("channelproperty_change", connected.channel_property.id)
    administrator, operator = browser_of(Role.ADMINISTRATOR), browser_of(Role.OPERATOR)

    assert "The channel answers in" in text(operator.post(page, {"do": "test"}, follow=True))
    assert "Queued: import every booking" in text(operator.post(page, {"do": "first-sync"}, follow=True))
    assert "Queued: compare rates" in text(operator.post(page, {"do": "reconcile-rates"}, follow=True))
    assert operator.post(page, {"do": "pause"}).status_code == 403
    assert "Paused" in text(administrator.post(page, {"do": "pause", "confirmed": "yes"}, follow=True))
    assert "is paused" in text(operator.post(page, {"do": "test"}, follow=True))
    assert "Both sides are being compared" in text(administrator.post(page, {"do": "resume"}, follow=True))
    assert browser_of(Role.VIEWER).post(page, {"do": "test"}).status_code == 403


def test_a_property_is_connected(browser_of: Browser, beds24: Any) -> None:
    hotel = HotelFactory()
    RoomTypeFactory(hotel=hotel, name="Double Room")
    form = {"property": str(hotel.id), "channel_name": "beds24", "verification": "header", "accept_suggestions": "on"}
    administrator, page = browser_of(Role.ADMINISTRATOR), address("connect")

    assert browser_of(Role.OPERATOR).get(page).status_code == 403
    assert hotel.name in text(administrator.get(page))
    assert not ChannelProperty.objects.exists()
    refused = text(administrator.post(page, {**form, "invite_code": "spent"}))
    assert "Connected" not in refused
    told = text(administrator.post(page, {**form, "invite_code": "DEMO-INVITE-CODE"}))

    assert "http://testserver/webhooks/beds24/" in told
    assert "X-Channel-Sync-Secret: " in told
    assert ChannelMapping.objects.count() == 1


def test_suggested_mappings_are_saved_from_their_page(browser_of: Browser, connected: ConnectedHotel) -> None:
    administrator = browser_of(Role.ADMINISTRATOR)
    page = address("mapping_suggestions", connected.channel_property.id)

    assert "Suggest mappings" in text(administrator.get(address("channelmapping_changelist")))
    assert "external_id=2003" in text(administrator.get(page))
    suite = RoomTypeFactory(hotel=connected.hotel, name="Suite")
    assert "2003 is Suite" in text(administrator.get(page))
    saved = text(administrator.post(page, {"room": ["2003"]}, follow=True))

    assert "1 mappings saved." in saved
    assert ChannelMapping.objects.get(external_id="2003").internal_id == suite.id
    assert browser_of(Role.OPERATOR).get(page).status_code == 403


def test_viewers_do_not_read_who_the_guests_of_a_conflict_are(browser_of: Browser, connected: ConnectedHotel) -> None:
    flag_conflict(
        connected.channel_property,
        ConflictKind.GUEST,
        Severity.MEDIUM,
        "booking:1",
        pms_side={"guest": "Emmy Noether", "email": ""},
        channel_side={"guest": "Amalie Noether", "email": "amalie@example.org"},
    )
    page = address("conflict_change", Conflict.objects.get().id)

    assert "Noether" not in text(browser_of(Role.VIEWER).get(page))
    assert "Amalie Noether" in text(browser_of(Role.OPERATOR).get(page))


def test_the_dashboard_tells_figures(browser_of: Browser, connected: ConnectedHotel, topology_at_broker: None) -> None:
    EventFactory(channel_property=connected.channel_property, status=EventStatus.FAILED)
    done = EventFactory(channel_property=connected.channel_property, status=EventStatus.DONE)
    ChannelEvent.objects.filter(id=done.id).update(processed_at=done.received_at)

    Alert.objects.create(kind="queue_depth", subject="inbound", message="1001 messages wait in the inbound queue.")

    page = text(browser_of(Role.VIEWER).get(address("dashboard")))

    assert "1001 messages wait" in page
    assert "50.0 %" in page
    assert "inbound booking.created" in page
    assert "beds24 1001" in page
    assert '"settled": [1]' in page


def test_a_redacted_event_says_so_and_offers_no_replay(browser_of: Browser, connected: ConnectedHotel) -> None:
    event = EventFactory(
        channel_property=connected.channel_property, status=EventStatus.DONE, redacted_at=timezone.now()
    )

    page = text(browser_of(Role.OPERATOR).get(address("channelevent_change", event.id)))

    assert "it can be neither retried nor replayed" in page
    assert 'value="replay"' not in page
