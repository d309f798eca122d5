"""A parity report as commands print it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from channel_sync.models import OldBookings
from channel_sync.operations.parity import Parity
from channel_sync.parity.report import ParityReport

SHOWN = 10


def parity_as_json(parity: Parity) -> dict[str, Any]:
    """For scripts: the whole report, which names no guest."""
    check, report = parity.check, parity.report
    return {
        "is_open": parity.is_open,
        "status": check.status if check is not None else None,
        "reason": check.reason if check is not None else None,
        "is_clean": report.is_clean if report is not None else None,
        "reasons": report.reasons() if report is not None else [],
        "report": report.model_dump(mode="json") if report is not None else None,
    }


def parity_sentences(parity: Parity) -> Iterator[str]:
    """For people; of long lists the first."""
    if parity.report is not None:
        yield from _of_report(parity.report)
    if parity.is_open:
        yield "The property is live: everything is sent. Its reconciliation runs say what differs since."
    elif parity.can_be_accepted:
        yield (
            "Nothing is sent yet. Correct what is wrong and compare again, or go live with it as it is: "
            f"--go-live {OldBookings.LINK_AND_SEND.value} (or {', '.join(OldBookings.values[1:])})."
        )
    elif parity.is_under_way and parity.report is not None:
        yield "Accepted: bookings come in, then everything goes out. A worker goes on with it."
    else:
        yield "Both sides were not compared yet. Call this without --look to do it."


def _of_report(report: ParityReport) -> Iterator[str]:
    bookings = report.bookings
    if not report.is_clean:
        yield "Before it goes live:"
        yield from (f"  - {reason}" for reason in report.reasons())
    yield (
        f"Bookings: {bookings.same} in sync, {len(bookings.only_channel)} to come into the PMS, "
        f"{len(bookings.to_link)} the same and not linked, {len(bookings.only_pms)} only in the PMS, "
        f"{bookings.waiting} to go out by themselves, {len(bookings.different)} different."
    )
    for title, stays in (("only in the PMS", bookings.only_pms), ("different", bookings.different)):
        yield from _some([f"{title}: {one.room}, {one.check_in} to {one.check_out}" for one in stays])
    for title, ranges in (("raised", report.raised), ("lowered", report.lowered)):
        yield from _some(
            [
                f"{title}: {one.room}, {one.first} to {one.last}, from "
                f"{'nothing' if one.channel is None else one.channel} to {one.pms}"
                for one in ranges
            ]
        )
    yield from _some(
        [
            f"price: {one.plan}, {one.first} to {one.last}, from {one.channel or 'none'} to {one.pms}"
            for one in report.prices
        ]
    )


def _some(sentences: list[str]) -> Iterator[str]:
    yield from (f"  {sentence}" for sentence in sentences[:SHOWN])
    if len(sentences) > SHOWN:
        yield f"  and {len(sentences) - SHOWN} more"
