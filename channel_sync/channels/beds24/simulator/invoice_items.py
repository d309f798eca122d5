"""The invoice items of a booking, charges and payments, and the invoices that they become."""

from __future__ import annotations

import itertools
from typing import Any

from channel_sync.channels.beds24.simulator.booking_items import ItemKind
from channel_sync.channels.beds24.simulator.queries import Query, ids
from channel_sync.channels.beds24.simulator.state import Account, Json, State, utc_now

_ids = itertools.count(8_000_001)
_invoice_ids = itertools.count(1)
CHARGE, PAYMENT = "charge", "payment"
ADDED_BY_API = {CHARGE: 7, PAYMENT: 204}
LONGEST = {"description": 250, "status": 50}
WRITTEN = ("type", "qty", "amount", "vatRate", "description", "status", "invoiceeId", "createdBy")


def invoices(state: State, account: Account, query: Query) -> list[Json]:
    """`GET /bookings/invoices`; what is on no invoice yet comes under `invoiceId` null."""
    rooms, wanted = state.owned_rooms(account), ids(query, "bookingId")
    by_invoice: dict[int | None, list[Json]] = {}
    for booking in state.bookings.values():
        if booking["roomId"] in rooms and (not wanted or booking["id"] in wanted):
            for item in booking["invoiceItems"]:
                by_invoice.setdefault(item["invoiceId"], []).append(item)
    return [
        {
            "invoiceId": number,
            "invoiceDate": None if number is None else state.invoice_dates.get(number),
            "invoiceItems": items,
        }
        for number, items in sorted(by_invoice.items(), key=lambda entry: entry[0] or 0)
    ]


def after_actions(state: State, booking: Json, items: list[Json], actions: Json, *, is_new: bool) -> list[Json]:
    """The items after the actions of a POST that are about the invoice."""
    if is_new:
        has_charge = any(item["type"] == CHARGE for item in items)
        if actions.get("autoInvoiceItemCharge") and booking["price"] and not has_charge:
            return [*items, _make(booking, {"type": CHARGE, "qty": 1, "amount": booking["price"]})]
        return items
    if actions.get("deleteInvoice"):
        return []
    invoicee = actions.get("assignInvoiceNumberInvoicee")
    if actions.get("assignInvoiceNumber") or invoicee:
        number = next(_invoice_ids)
        state.invoice_dates[number] = utc_now()[:10]
        return [
            item
            if item["invoiceId"] is not None
            else item | {"invoiceId": number, "invoiceeId": invoicee or item["invoiceeId"]}
            for item in items
        ]
    return items


def _wrong_field(item: Json) -> str | None:
    if item.get("type", CHARGE) not in (CHARGE, PAYMENT):
        return "type"
    for name, longest in LONGEST.items():
        if not isinstance(item.get(name, ""), str) or len(item.get(name, "")) > longest:
            return name
    for name in ("qty", "createdBy"):
        if not _is_number(item.get(name, 0), int):
            return name
    if not _is_number(item.get("amount", 0)):
        return "amount"
    if not _is_number(item.get("vatRate", 0)) or not 0 <= item.get("vatRate", 0) <= 99.9:
        return "vatRate"
    if item.get("invoiceeId") is not None and not _is_number(item["invoiceeId"], int):
        return "invoiceeId"
    return None


def _wrong_when_new(item: Json) -> str | None:
    return None if "type" in item else "type"


def _make(booking: Json, item: Json) -> Json:
    blank = {
        "id": next(_ids),
        "invoiceId": None,
        "bookingId": booking["id"],
        "type": CHARGE,
        "subType": ADDED_BY_API[item["type"]],
        "description": "",
        "status": "",
        "qty": 1,
        "amount": 0,
        "lineTotal": 0,
        "vatRate": 0,
        "invoiceeId": None,
        "createdBy": 0,
        "createTime": utc_now(),
    }
    return _change(blank, item)


def _change(present: Json, item: Json) -> Json:
    changed = present | {name: item[name] for name in WRITTEN if name in item}
    sign = -1 if changed["type"] == PAYMENT else 1
    return changed | {"lineTotal": round(sign * changed["qty"] * changed["amount"], 2)}


def _is_number(value: Any, kind: Any = int | float) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


INVOICE_ITEM = ItemKind("invoice item", _wrong_field, _wrong_when_new, _make, _change)
