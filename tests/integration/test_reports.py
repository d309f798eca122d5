"""No-show, invalid card and cancellation are reported to Booking.com, while it takes them, and on the record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from channel_sync.channels.beds24.channel import Beds24Channel
from channel_sync.channels.reports import Report
from channel_sync.errors import NotYet, RefusedByChannel, ReportedBefore, ReportNotOffered, ReportUnanswered
from channel_sync.models import (
    AuditAction,
    AuditEntry,
    ChannelAccount,
    ChannelEvent,
    ChannelProperty,
    ChannelPropertyStatus,
    ReservationLink,
)
from channel_sync.operations.reports import reports_of, send_report
from channel_sync.operations.roles import Role
from pms_project.pms.models import HotelSettings, Reservation
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import work_everything
from tests.drift import plenty_of_credits
from tests.factories import ReservationFactory
from tests.integration.test_guest_comments import deliver

pytestmark = pytest.mark.django_db

TODAY = date.today()
Api = Callable[[Role | None], APIClient]
Browser = Callable[[Role | None], Client]


@pytest.fixture
def browser_of(api_of: Api) -> Browser:
    """Staff, logged in with a role."""

    def client(role: Role | None) -> Client:
        api_of(role)
        user = get_user_model().objects.get(username=role.name.lower() if role else "nobody")
        user.is_staff = True
        user.save()
        made = Client()
        made.force_login(user)
        return made

    return client


def text(answer: Any) -> str:
    assert answer.status_code == 200, answer
    return str(answer.content.decode())


def sold(connected: ConnectedHotel, beds24: RunningSimulator, days: int, **fields: Any) -> ReservationLink:
    """A booking of an OTA that arrives in some days, in the PMS."""
    plenty_of_credits(beds24.simulator.state, connected)
    arrival = TODAY + timedelta(days=days)
    stay = {"arrival": str(arrival), "departure": str(arrival + timedelta(days=5))}
    made = beds24.controls.book(roomId=2001, **stay, **fields)
    deliver(connected, made)
    return ReservationLink.objects.select_related("channel_property").get(external_id=str(made["id"]))


@pytest.fixture
def arriving(connected: ConnectedHotel, beds24: RunningSimulator) -> ReservationLink:
    """A booking of Booking.com that arrives today."""
    return sold(connected, beds24, 0)


def open_reports(link: ReservationLink, today: date | None = None) -> set[Report]:
    return {one.offer.report for one in reports_of(link, today=today).offers if one.is_open}


def reported(beds24: RunningSimulator) -> list[str]:
    return [found["action"] for found in beds24.controls.state()["reports"]]


def outcomes() -> list[tuple[str, Any]]:
    entries = AuditEntry.objects.filter(action=AuditAction.BOOKING_REPORTED).order_by("created_at")
    return [(entry.details["report"], entry.details["outcome"]) for entry in entries]


NO_SHOW, INVALID_CARD, CANCELLATION = Report.NO_SHOW, Report.INVALID_CARD, Report.CANCELLATION


@pytest.mark.parametrize(
    ("days", "wanted"),
    [
        (-1, {INVALID_CARD, CANCELLATION}),
        (0, {NO_SHOW, CANCELLATION}),
        (2, {NO_SHOW, CANCELLATION}),
        (3, {CANCELLATION}),
    ],
)
def test_what_is_offered_goes_by_the_day(arriving: ReservationLink, days: int, wanted: set[Report]) -> None:
    assert open_reports(arriving, TODAY + timedelta(days=days)) == wanted


def test_the_day_is_the_one_at_the_property(arriving: ReservationLink, monkeypatch: pytest.MonkeyPatch) -> None:
    HotelSettings.objects.update(time_zone="Pacific/Auckland")
    late = datetime(TODAY.year, TODAY.month, TODAY.day, 23, 0, tzinfo=UTC) - timedelta(days=1)
    monkeypatch.setattr("django.utils.timezone.now", lambda: late)

    assert NO_SHOW in open_reports(arriving), "it is the day of arrival there"


def test_a_deadline_is_shown_and_what_is_over_is_not(arriving: ReservationLink) -> None:
    no_show, cancellation = reports_of(arriving, today=TODAY).offers

    assert (no_show.offer.first_day, no_show.offer.last_day) == (TODAY, TODAY + timedelta(days=2))
    assert (cancellation.offer.first_day, cancellation.offer.last_day) == (None, None)


@pytest.mark.parametrize(
    ("ota", "said"),
    [
        ("airbnb", "Airbnb takes no reports through Beds24. Report it in Airbnb's extranet."),
        ("expedia", "Expedia takes no reports through Beds24."),
        ("direct", "No OTA has sold this booking"),
    ],
)
def test_where_nothing_can_be_reported_it_says_what_to_do(
    connected: ConnectedHotel, beds24: RunningSimulator, ota: str, said: str
) -> None:
    link = sold(connected, beds24, 0, channel=ota)

    found = reports_of(link)

    assert found.offers == ()
    assert said in found.instead
    with pytest.raises(ReportNotOffered, match=said):
        send_report(link, NO_SHOW, by="ada")
    assert reported(beds24) == []


def test_a_booking_of_the_desk_is_reported_to_nobody(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    plenty_of_credits(beds24.simulator.state, connected)
    ReservationFactory(room_type=connected.double)
    work_everything()

    assert "No OTA has sold" in reports_of(ReservationLink.objects.get()).instead


def test_a_cancelled_booking_has_nothing_left_to_report(
    connected: ConnectedHotel, beds24: RunningSimulator, arriving: ReservationLink
) -> None:
    deliver(connected, beds24.controls.change(int(arriving.external_id), status="cancelled"))
    arriving.refresh_from_db()

    assert reports_of(arriving).instead == "The booking is cancelled: there is nothing left to report."


def test_a_booking_from_before_its_ota_was_kept(arriving: ReservationLink) -> None:
    ReservationLink.objects.update(ota="")
    arriving.refresh_from_db()
    assert NO_SHOW in open_reports(arriving), "its last webhook names it"

    ChannelEvent.objects.all().delete()

    assert "It is not known which OTA" in reports_of(arriving).instead


def test_a_report_reaches_booking_com_and_is_on_the_record(arriving: ReservationLink, beds24: RunningSimulator) -> None:
    after = send_report(arriving, NO_SHOW, by="ada")

    assert reported(beds24) == ["reportNoShow"]
    (entry,) = AuditEntry.objects.filter(action=AuditAction.BOOKING_REPORTED)
    assert (entry.actor, entry.subject) == ("ada", f"booking:{arriving.external_id}")
    assert entry.details == {"report": "no_show", "outcome": "sent", "remarks": []}
    assert [(one.reported_by, one.reported_at) for one in after.offers if one.offer.report is NO_SHOW] == [
        ("ada", entry.created_at)
    ]
    assert Reservation.objects.get().status == "CONFIRMED", "what becomes of it comes from the channel"


def test_the_same_is_not_reported_twice_unless_somebody_says_so(
    arriving: ReservationLink, beds24: RunningSimulator
) -> None:
    send_report(arriving, NO_SHOW, by="ada")

    with pytest.raises(ReportedBefore, match="by ada"):
        send_report(arriving, NO_SHOW, by="grace")
    send_report(arriving, CANCELLATION, by="grace")
    send_report(arriving, NO_SHOW, by="grace", again=True)

    assert reported(beds24) == ["reportNoShow", "reportCancel", "reportNoShow"]


def test_what_is_too_late_is_not_sent(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    link = sold(connected, beds24, 1)

    with pytest.raises(ReportNotOffered, match=f"from {TODAY + timedelta(days=1)} until {TODAY + timedelta(days=3)}"):
        send_report(link, NO_SHOW, by="ada")
    arrived = sold(connected, beds24, 0)
    with pytest.raises(ReportNotOffered, match=f"until {TODAY - timedelta(days=1)}"):
        send_report(arrived, INVALID_CARD, by="ada")

    assert beds24.posts("/channels/booking") == []


def test_a_refusal_is_in_the_words_of_the_channel(arriving: ReservationLink, beds24: RunningSimulator) -> None:
    beds24.simulator.state.bookings[int(arriving.external_id)]["channel"] = "expedia"

    with pytest.raises(RefusedByChannel, match=r"is no booking of Booking\.com"):
        send_report(arriving, NO_SHOW, by="ada")

    assert outcomes() == [("no_show", "refused")]
    with pytest.raises(RefusedByChannel):
        send_report(arriving, NO_SHOW, by="ada")


def test_a_login_without_the_scope_says_which_is_missing(arriving: ReservationLink, beds24: RunningSimulator) -> None:
    beds24.controls.set_scopes(901, ["all:bookings"])

    with pytest.raises(RefusedByChannel, match="write:channels"):
        send_report(arriving, NO_SHOW, by="ada")

    assert ChannelProperty.objects.get().status == ChannelPropertyStatus.ACTIVE


@pytest.mark.parametrize("was_failing", [False, True], ids=["at first", "while the channel is tried again"])
def test_an_answer_that_is_lost_is_not_called_a_success(
    arriving: ReservationLink, beds24: RunningSimulator, was_failing: bool
) -> None:
    if was_failing:
        ChannelAccount.objects.update(unavailable_since="2020-01-01T00:00Z", probe_at="2020-01-01T00:00Z")
    beds24.controls.fail_next(kind="drop_after", method="POST", path="/channels/booking", times=1)

    with pytest.raises(ReportUnanswered, match="Look in the OTA's extranet"):
        send_report(arriving, NO_SHOW, by="ada")

    assert outcomes() == [("no_show", "unanswered")]


def test_nothing_is_sent_for_a_property_that_is_paused(arriving: ReservationLink, beds24: RunningSimulator) -> None:
    ChannelProperty.objects.update(status=ChannelPropertyStatus.INACTIVE)
    arriving.channel_property.refresh_from_db()

    with pytest.raises(ReportNotOffered, match="Resume or connect it"):
        send_report(arriving, NO_SHOW, by="ada")

    assert (reported(beds24), outcomes()) == ([], [])


def test_a_channel_that_is_away_is_not_asked(arriving: ReservationLink, beds24: RunningSimulator) -> None:
    ChannelAccount.objects.update(unavailable_since="2020-01-01T00:00Z", probe_at="2099-01-01T00:00Z")

    with pytest.raises(NotYet):
        send_report(arriving, NO_SHOW, by="ada")

    assert (reported(beds24), outcomes()) == ([], [])


def test_the_channel_says_what_it_takes_without_a_login() -> None:
    assert len(Beds24Channel.reports_of("booking", TODAY).offers) == 3


def test_the_api_lists_offers_and_sends(api_of: Api, arriving: ReservationLink, beds24: RunningSimulator) -> None:
    operator = api_of(Role.OPERATOR)
    found = operator.get("/api/admin/bookings/", {"reservation_id": str(arriving.reservation_id)})
    (booking,) = found.data["bookings"]
    assert (booking["external_id"], booking["ota"], booking["ota_reference"]) == (
        arriving.external_id, "booking", arriving.ota_reference,
    )  # fmt: skip
    address = f"/api/admin/bookings/{booking['id']}/reports/"

    offers = {one["report"]: one for one in operator.get(address).data["offers"]}
    assert offers["no_show"]["last_day"] == str(TODAY + timedelta(days=2))
    assert [name for name, one in offers.items() if one["is_open"]] == ["no_show", "cancellation"]

    sent = operator.post(address, {"report": "no_show"}, format="json")
    again = operator.post(address, {"report": "no_show"}, format="json")
    late = operator.post(address, {"report": "invalid_card"}, format="json")

    assert (sent.status_code, again.status_code, late.status_code) == (200, 409, 409)
    assert (again.data["errors"][0]["code"], late.data["errors"][0]["code"]) == (
        "reported_before", "report_not_offered",
    )  # fmt: skip
    assert sent.data["offers"][0]["reported_by"] == "operator"
    assert reported(beds24) == ["reportNoShow"]


def test_a_refusal_in_the_api_is_422(api_of: Api, arriving: ReservationLink, beds24: RunningSimulator) -> None:
    beds24.simulator.state.bookings[int(arriving.external_id)]["channel"] = "expedia"

    answer = api_of(Role.OPERATOR).post(
        f"/api/admin/bookings/{arriving.id}/reports/", {"report": "no_show"}, format="json"
    )

    assert answer.status_code == 422
    assert "is no booking of Booking.com" in answer.data["errors"][0]["detail"]


def test_viewers_see_what_can_be_reported_and_report_nothing(
    api_of: Api, arriving: ReservationLink, beds24: RunningSimulator
) -> None:
    address = f"/api/admin/bookings/{arriving.id}/reports/"
    viewer, nobody = api_of(Role.VIEWER), api_of(None)

    assert (viewer.get(address).status_code, nobody.get(address).status_code) == (200, 403)
    assert viewer.post(address, {"report": "no_show"}, format="json").status_code == 403
    assert reported(beds24) == []


def page_of(link: ReservationLink) -> str:
    return reverse("admin:channel_sync_reservationlink_change", args=[link.id])


def test_the_admin_asks_before_it_reports(
    browser_of: Browser,
    arriving: ReservationLink,
    beds24: RunningSimulator,
) -> None:
    operator = browser_of(Role.OPERATOR)
    shown = text(operator.get(page_of(arriving)))
    assert 'value="no_show"' in shown
    assert 'value="invalid_card"' not in shown, "too late for that"
    assert f"until {TODAY + timedelta(days=2)}" in shown

    asked = text(operator.post(page_of(arriving), {"report": "no_show"}))
    assert "A report cannot be taken back." in asked
    assert f"The OTA takes it until {TODAY + timedelta(days=2)}." in asked
    assert reported(beds24) == []

    done = operator.post(page_of(arriving), {"report": "no_show", "confirmed": "yes"}, follow=True)
    assert "Sent: report a no-show." in text(done)
    assert reported(beds24) == ["reportNoShow"]
    assert "by operator already" in text(operator.post(page_of(arriving), {"report": "no_show"}))
    twice = operator.post(page_of(arriving), {"report": "no_show", "confirmed": "yes"}, follow=True)
    assert "This was reported of booking" in text(twice)
    operator.post(page_of(arriving), {"report": "no_show", "confirmed": "yes", "again": "yes"})
    assert reported(beds24) == ["reportNoShow"] * 2


def test_bookings_are_found_in_the_admin_by_their_numbers(
    browser_of: Browser,
    connected: ConnectedHotel,
    beds24: RunningSimulator,
    arriving: ReservationLink,
) -> None:
    other = sold(connected, beds24, 9)
    viewer = browser_of(Role.VIEWER)

    for number in (arriving.external_id, arriving.ota_reference):
        shown = text(viewer.get(reverse("admin:channel_sync_reservationlink_changelist"), {"q": number}))
        assert arriving.ota_reference in shown
        assert other.ota_reference not in shown
    shown = text(viewer.get(page_of(arriving)))
    assert "Operators can report." in shown
    assert "<button" not in shown.split("Reports to the OTA")[1].split("</form>")[0]
    assert viewer.post(page_of(arriving), {"report": "no_show", "confirmed": "yes"}).status_code == 403
    assert browser_of(None).get(page_of(arriving)).status_code == 403
    assert Client().get(page_of(arriving)).status_code == 302
    assert reported(beds24) == []


def test_the_admin_says_what_to_do_where_nothing_can_be_reported(
    browser_of: Browser,
    connected: ConnectedHotel,
    beds24: RunningSimulator,
) -> None:
    link = sold(connected, beds24, 0, channel="airbnb")

    assert "Airbnb takes no reports through Beds24." in text(browser_of(Role.OPERATOR).get(page_of(link)))
