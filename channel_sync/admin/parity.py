"""The page of a parity check: what each side would change, and one choice for all old bookings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from channel_sync.admin.rights import require_role
from channel_sync.admin.role_admin import RoleAdmin, actor, refusals_told
from channel_sync.models import ChannelProperty, OldBookings, Role
from channel_sync.operations.parity import accept_report, compare_again, parity_of
from channel_sync.parity.check import NO_REASON
from channel_sync.parity.going_live import choices_of, going_live_means
from channel_sync.parity.report import Nights, ParityReport, Prices, Stay, counted, nights_of
from channel_sync.parity.settlement import WORTH_FOR

SHOWN = 50
STAY = ("Room type", "Arrival", "Departure", "Booking", "OTA")
NIGHTS = ("First night", "Last night", "At the channel", "In the PMS")


@dataclass(frozen=True)
class Table:
    """A part of the report, what becomes of it, and its first rows."""

    title: str
    size: str
    note: str
    head: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]
    left_out: int


def parity_page(admin: RoleAdmin, request: HttpRequest, channel_property: ChannelProperty) -> HttpResponse:
    """The report; operators have it made again, administrators accept it. It renews itself while work is under way."""
    if request.method == "POST":
        return _act(admin, request, channel_property)
    parity = parity_of(channel_property)
    check = parity.check
    context = {
        **admin.admin_site.each_context(request),
        "title": f"Compare both sides of {channel_property}",
        "opts": admin.opts,
        "original": channel_property,
        "parity": parity,
        "reasons": parity.report.reasons() if parity.report is not None else [],
        "valid_until": check.made_at + WORTH_FOR if check is not None and check.made_at is not None else None,
        "went_by_itself": check is not None and check.accepted_by == NO_REASON,
        "is_due_soon": parity.is_under_way and not (check and check.last_error),
        "tables": list(_tables(parity.report)) if parity.report is not None else [],
        "choices": choices_of(parity.report) if parity.report is not None else [],
        "is_operator": admin.holds(request, Role.OPERATOR, channel_property),
        "is_administrator": admin.holds(request, Role.ADMINISTRATOR, channel_property),
    }
    return TemplateResponse(request, "admin/channel_sync/parity.html", context)


def _act(admin: RoleAdmin, request: HttpRequest, channel_property: ChannelProperty) -> HttpResponse:
    wanted = request.POST.get("do", "")
    if wanted == "compare":
        require_role(request, Role.OPERATOR, channel_property.pk)
        with refusals_told(request):
            compare_again(channel_property, by=actor(request))
    elif wanted == "accept":
        require_role(request, Role.ADMINISTRATOR, channel_property.pk)
        return _accept(admin, request, channel_property)
    return HttpResponseRedirect(request.path)


def _accept(admin: RoleAdmin, request: HttpRequest, channel_property: ChannelProperty) -> HttpResponse:
    """Ask first; what is accepted is the report that the question was about."""
    choice, parity = request.POST.get("old_bookings", ""), parity_of(channel_property)
    left = [*parity.report.setup, *parity.report.unmapped] if parity.report is not None else []
    if choice not in OldBookings.values:
        messages.error(request, "Choose what becomes of reservations that only the PMS has.")
    elif parity.report is None or not parity.can_be_accepted:
        messages.error(request, "No report waits to be accepted. Compare both sides again.")
    elif "confirmed" not in request.POST:
        return admin.confirm_page(
            request,
            title=f"Go live with {channel_property}?",
            verb="go live",
            fields={"do": "accept", "old_bookings": choice, "made_at": str(parity.made_at)},
            back=request.path,
            consequences=[*going_live_means(parity.report, OldBookings(choice)), *(["You accept:"] if left else [])],
            shown=left,
        )
    else:
        with refusals_told(request):
            accept_report(channel_property, OldBookings(choice), by=actor(request), made_at=_asked_about(request))
            messages.success(request, "Accepted. Bookings come in now, then everything is sent.")
    return HttpResponseRedirect(request.path)


def _asked_about(request: HttpRequest) -> datetime:
    """When the report was made that the question was about."""
    try:
        return datetime.fromisoformat(request.POST.get("made_at", ""))
    except ValueError:
        raise BadRequest("The form does not say which report it accepts; open the page again.") from None


def _tables(report: ParityReport) -> Iterator[Table]:
    """Each part that has any rows; of many rows the first."""
    bookings = report.bookings
    by_choice = "Your choice above says what becomes of them."
    raised = "They are raised at the channel when the property goes live."
    lowered = "They are lowered at the channel when the property goes live."
    found = (
        _stays("The same on both sides, not linked yet", by_choice, bookings.to_link),
        _table(
            "Only in the PMS", _number(bookings.only_pms), by_choice, STAY[:3],
            [(one.room, one.check_in, one.check_out) for one in bookings.only_pms],
        ),
        _table(
            "Different", _number(bookings.different), "Each that still differs becomes a conflict to settle.",
            (*STAY, "Differs in"), [(*_stay(one), ", ".join(one.differences)) for one in bookings.different],
        ),
        _stays(
            "At the channel, in rooms that are not mapped", "They cannot come in before their room is mapped.",
            bookings.no_room,
        ),
        _stays("Priced in another currency", "Check their prices by hand.", bookings.other_currency),
        _stays("Only at the channel", "They come into the PMS.", bookings.only_channel),
        _nights("More for sale than now", raised, report.raised),
        _nights("Less for sale than now", lowered, report.lowered),
        _prices(report.prices),
    )  # fmt: skip
    return (table for table in found if table.rows)


def _stays(title: str, note: str, found: Sequence[Stay]) -> Table:
    return _table(title, _number(found), note, STAY, [_stay(one) for one in found])


def _stay(one: Stay) -> tuple[Any, ...]:
    return one.room, one.check_in, one.check_out, one.booking_id or "-", one.ota or "-"


def _nights(title: str, note: str, found: tuple[Nights, ...]) -> Table:
    rows = [(one.room, one.first, one.last, "none" if one.channel is None else one.channel, one.pms) for one in found]
    return _table(title, counted(nights_of(found), "night", "nights"), note, ("Room type", *NIGHTS), rows)


def _prices(found: tuple[Prices, ...]) -> Table:
    rows = [(one.plan, one.first, one.last, one.channel or "none", one.pms or "none") for one in found]
    size, note = counted(nights_of(found), "night", "nights"), "The prices of the PMS are sent."
    return _table("Other prices", size, note, ("Rate plan", *NIGHTS), rows)


def _table(title: str, size: str, note: str, head: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> Table:
    return Table(title, size, note, head, rows[:SHOWN], max(len(rows) - SHOWN, 0))


def _number(found: Sequence[Stay]) -> str:
    return str(len(found))
