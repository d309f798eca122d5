"""The page of a parity check: what each side would change, and one choice for all old bookings."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from channel_sync.admin.role_admin import actor, refusals_told, require_role
from channel_sync.models import ChannelProperty, OldBookings
from channel_sync.operations.parity import Parity, accept_report, compare_again, parity_of
from channel_sync.operations.roles import Role, has_role
from channel_sync.parity.report import ParityReport, Stay

SHOWN = 50


def parity_page(admin: ModelAdmin[Any], request: HttpRequest, channel_property: ChannelProperty) -> HttpResponse:
    """The report; operators have it made again, administrators accept it. It renews itself while work is under way."""
    if request.method == "POST":
        return _act(request, channel_property)
    parity = parity_of(channel_property)
    context = {
        **admin.admin_site.each_context(request),
        "title": f"Compare both sides of {channel_property}",
        "opts": admin.opts,
        "original": channel_property,
        "parity": parity,
        "is_due_soon": parity.is_under_way and not (parity.check and parity.check.last_error),
        "tables": _tables(parity.report) if parity.report is not None else [],
        "choices": _choices(parity),
        "is_operator": has_role(request.user, Role.OPERATOR),
        "is_administrator": has_role(request.user, Role.ADMINISTRATOR),
    }
    return TemplateResponse(request, "admin/channel_sync/parity.html", context)


def _act(request: HttpRequest, channel_property: ChannelProperty) -> HttpResponse:
    wanted = request.POST.get("do", "")
    if wanted == "compare":
        require_role(request, Role.OPERATOR)
        compare_again(channel_property, by=actor(request))
    elif wanted == "accept":
        require_role(request, Role.ADMINISTRATOR)
        choice = request.POST.get("old_bookings", "")
        if choice not in OldBookings.values:
            messages.error(request, "Choose what becomes of reservations that only the PMS has.")
        else:
            with refusals_told(request):
                accept_report(channel_property, OldBookings(choice), by=actor(request))
                messages.success(request, "Accepted. Bookings come in now, then everything is sent.")
    return HttpResponseRedirect(request.path)


def _choices(parity: Parity) -> list[tuple[str, str, bool]]:
    """Value, label, and whether it is chosen at first; none where no reservation is only in the PMS."""
    if parity.report is None:
        return []
    return [(value, label, value == OldBookings.LINK_AND_SEND) for value, label in OldBookings.choices]


def _tables(report: ParityReport) -> list[dict[str, Any]]:
    """Title, head and rows of each part that has any; of many rows the first."""
    bookings = report.bookings
    stays = (
        ("The same on both sides, not linked yet", bookings.to_link),
        ("Only in the PMS", bookings.only_pms),
        ("Different", bookings.different),
        ("At the channel, in rooms that nobody has mapped", bookings.no_room),
        ("Priced in another currency", bookings.other_currency),
        ("Come into the PMS", bookings.only_channel),
    )
    tables = [
        _table(
            title,
            ("Room type", "Arrival", "Departure", "Booking", "OTA", "Differs in"),
            [
                (
                    one.room,
                    one.check_in,
                    one.check_out,
                    one.booking_id or "-",
                    one.ota or "-",
                    ", ".join(one.differences),
                )
                for one in found
            ],
        )
        for title, found in stays
    ]
    units = (("More for sale than now", report.raised), ("Less for sale than now", report.lowered))
    tables += [
        _table(
            title,
            ("Room type", "First night", "Last night", "At the channel", "In the PMS"),
            [(one.room, one.first, one.last, "-" if one.channel is None else one.channel, one.pms) for one in found],
        )
        for title, found in units
    ]
    prices = [(one.plan, one.first, one.last, one.channel or "-", one.pms or "-") for one in report.prices]
    tables.append(_table("Prices", ("Rate plan", "First night", "Last night", "At the channel", "In the PMS"), prices))
    return [table for table in tables if table["rows"]]


def _row(one: Stay) -> tuple[Any, ...]:
    return one.room, one.check_in, one.check_out, one.booking_id or "-", one.ota or "-", ", ".join(one.differences)


def _table(title: str, head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> dict[str, Any]:
    return {
        "title": title, "head": head, "rows": rows[:SHOWN], "count": len(rows), "left_out": max(len(rows) - SHOWN, 0)
    }  # fmt: skip
