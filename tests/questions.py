"""Requests that name the rows of one hotel: every operation and page, filters, and what buttons post."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse

from channel_sync.models import MappingType
from tests.two_hotels import Rows
from tests.who_sees_what import API


@dataclass(frozen=True)
class Ask:
    """One request; `key` is its line in the matrix."""

    key: tuple[str, str]
    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    is_form: bool = False

    def __str__(self) -> str:
        said = f"?{self.query}" if self.query else ""
        return f"{self.method.upper()} {self.path}{said} {self.body if self.body is not None else ''}"


API_ROWS = {
    "alerts": "alert", "bookings": "booking", "channel-mappings": "mapping", "channel-status": "hotel",
    "conflicts": "conflict",
    "events": "event", "properties": "property", "reconciliation-runs": "run", "maintenance-blocks": "block",
    "reservations": "reservation", "room-types": "room_type", "rooms": "room",
    "webhook-subscriptions": "subscription", "hotels": "hotel", "rate-plans": "rate_plan", "rates": "daily_rate",
}  # fmt: skip
NIGHTS = {"start": "2027-03-01", "end": "2027-03-05"}
BOTH_SIDES = {**NIGHTS, "rates": "true"}


def api_asks(rows: Rows) -> Iterator[Ask]:
    """Every operation of the schema, with ids and bodies of this hotel."""
    bodies = _bodies(rows)
    for method, path in API:
        kind = API_ROWS.get(path.removeprefix("/api/").removeprefix("admin/").split("/")[0], "")
        address = path.replace("{property_id}", rows.hotel).replace("{delivery_id}", rows.delivery)
        if "{id}" in address:
            address = address.replace("{id}", getattr(rows, kind))
        query: dict[str, str] = {"after": "0"} if path == "/api/admin/feed/" else {}
        query = NIGHTS if path.startswith("/api/room-types/{id}/") else query
        query = (
            {"start": "2027-03-01", "rates": "true"}
            if path.endswith("{id}/availability/") and "admin" in path
            else query
        )
        for body in bodies.get((method, path), [None if method in ("get", "delete") else {}]):
            yield Ask((method, path), method, address, query, body)


def api_filters(rows: Rows) -> Iterator[Ask]:
    """Lists, filtered by what is of this hotel."""
    number = rows.external("booking", "external_id")
    filters: dict[str, list[dict[str, Any]]] = {
        "/api/admin/events/": [
            {"booking": number}, {"entity_id": rows.reservation}, {"property_id": rows.hotel},
            {"property_id": rows.property}, {"status": "failed", "sort": "status"},
            {"received_to": "2026-11-02T00:00:00Z"},
        ],
        "/api/admin/bookings/": [
            {"external_id": number}, {"ota_reference": rows.external("booking", "ota_reference")},
            {"reservation_id": rows.reservation}, {"property_id": rows.hotel},
        ],
        "/api/admin/channel-mappings/": [
            {"internal_id": rows.room_type}, {"external_id": rows.external("mapping", "external_id")},
            {"property_id": rows.property},
        ],
        "/api/admin/conflicts/": [{"property_id": rows.hotel}, {"status": "open"}, {"kind": "dates"}],
        "/api/admin/reconciliation-runs/": [{"property_id": rows.property}, {"kind": "rates"}],
        "/api/admin/properties/": [{"property": rows.hotel}, {"status": "active"}, {"channel_name": "beds24"}],
        "/api/admin/alerts/": [
            {"property_id": rows.hotel}, {"property_id": rows.property}, {"kind": "failed_events", "is_open": "true"},
        ],
        "/api/admin/audit/": [
            {"actor": rows.external("audit", "actor")}, {"subject": rows.external("audit", "subject")},
            {"property_id": rows.hotel},
        ],
        "/api/reservations/": [
            {"hotel": rows.hotel}, {"room_type": rows.room_type}, {"check_in": "2027-03-01"},
            {"channel_reference": rows.external("reservation", "channel_reference")},
            {"group_reference": rows.external("reservation", "group_reference")},
            {"guest": rows.external("guest", "last_name")}, {"guest": rows.external("guest", "email")},
            {"booking": number}, {"start": "2027-03-01", "end": "2027-03-02"}, {"arrival_from": "2027-03-01"},
            {"sort": "created_at", "order": "desc"},
        ],
        "/api/hotels/": [{"name": rows.external("hotel", "name")}],
        "/api/rate-plans/": [{"hotel": rows.hotel}, {"room_type": rows.room_type}],
        "/api/rates/": [{"rate_plan": rows.rate_plan}, {"room_type": rows.room_type}, {"start": "2027-03-01"}],
        "/api/room-types/": [{"hotel": rows.hotel}],
        "/api/rooms/": [{"room_type": rows.room_type}],
        "/api/maintenance-blocks/": [{"room": rows.room}, {"room_type": rows.room_type}],
    }  # fmt: skip
    for path, queries in filters.items():
        for query in queries:
            yield Ask(("get", path), "get", path, query)


def _bodies(rows: Rows) -> dict[tuple[str, str], list[Any]]:
    mapping = {
        "channel_property_id": rows.property, "mapping_type": "room_type", "internal_id": rows.room_type,
        "external_id": "2009", "confirm": True,
    }  # fmt: skip
    booking = {"id": 1, "propertyId": int(rows.external("property", "channel_property_id")), "roomId": 2001,
               "status": "new", "arrival": "2027-03-01", "departure": "2027-03-04", "numAdult": 2}  # fmt: skip
    stay = {"room_type": rows.room_type, "check_in": "2027-06-01", "check_out": "2027-06-03"}
    block = {"room": rows.room, "start": "2027-05-01", "end": "2027-05-02"}
    number = rows.external("booking", "external_id")
    unknown = "6f9619ff-8b86-4d01-b42d-00c04fc964ff"
    batches: list[dict[str, Any]] = [
        {"ids": [rows.event]}, {"ids": [rows.event, unknown], "dry_run": True}, {"filter": {"all": True}},
        {"filter": {"all": True}, "dry_run": True}, {"filter": {"property_id": rows.hotel}},
        {"filter": {"property_id": rows.property, "type": "booking.created"}, "dry_run": True},
    ]  # fmt: skip
    return {
        ("post", "/api/admin/bookings/{id}/reports/"): [{"report": "no_show"}],
        ("post", "/api/admin/channel-mappings/"): [mapping],
        ("put", "/api/admin/channel-mappings/{id}/"): [mapping],
        ("delete", "/api/admin/channel-mappings/{id}/"): [None],
        ("post", "/api/admin/channel-mappings/test/"): [{"payload": booking, "mappingType": "property"}],
        ("post", "/api/admin/conflicts/{id}/resolve/"): [{"resolution": "dismiss"}],
        ("post", "/api/admin/events/{id}/ignore/"): [{"reason": "a test"}],
        ("post", "/api/admin/events/batch-retry/"): batches,
        ("post", "/api/admin/events/batch-replay/"): batches,
        ("post", "/api/admin/events/batch-ignore/"): [{**one, "reason": "a test"} for one in batches],
        ("post", "/api/admin/guest-data/search/"): [
            {"bookings": [number]}, {"reservation_ids": [rows.reservation]},
            {"bookings": [number], "property_id": rows.hotel},
            {"email": rows.external("guest", "email")},
        ],
        ("post", "/api/admin/guest-data/export/"): [{"bookings": [number]}, {"reservation_ids": [rows.reservation]}],
        ("post", "/api/admin/guest-data/erase/"): [{"bookings": [number]}, {"bookings": [number], "confirm": True}],
        ("post", "/api/admin/properties/{id}/pause/"): [{"confirm": True}],
        ("post", "/api/admin/properties/{id}/parity/accept/"): [
            {"old_bookings": "link", "made_at": "2026-11-01T00:00:00Z"}
        ],
        ("post", "/api/admin/properties/{id}/suggestions/"): [{"external_room_ids": ["2001"]}],
        ("post", "/api/admin/properties/connect/"): [
            {"property_id": rows.hotel, "invite_code": "WRONG"},
            {"property_id": rows.hotel, "invite_code": "WRONG", "channel_property_id": "1001"},
        ],
        ("post", "/api/admin/webhook-subscriptions/"): [
            {"url": "https://8.8.8.8/", "channel_property_id": rows.property}
        ],
        ("patch", "/api/admin/webhook-subscriptions/{id}/"): [{"kinds": []}],
        ("post", "/api/admin/reconciliation-runs/"): [{"channel_property_id": rows.property, "kind": "rates"}],
        ("post", "/api/maintenance-blocks/"): [block],
        ("put", "/api/maintenance-blocks/{id}/"): [block],
        ("post", "/api/rates/"): [
            [{"rate_plan": rows.rate_plan, "start": "2027-07-01", "end": "2027-07-02", "price": "1"}]
        ],
        ("post", "/api/reservations/"): [stay],
        ("post", "/api/reservations/group/"): [[stay]],
        ("put", "/api/reservations/{id}/"): [{**stay, "version": 1}],
        ("patch", "/api/reservations/{id}/"): [{"notes": "late", "version": 1}],
    }  # fmt: skip


ADMIN_ROWS = {
    "channelevent": "event", "conflict": "conflict", "reconciliationrun": "run", "channelproperty": "property",
    "alert": "alert", "auditentry": "audit", "reservationlink": "booking", "channelmapping": "mapping",
    "propertyrole": "role", "hotelsettings": "hotel", "hotelmembership": "membership", "roomtype": "room_type",
    "rateplan": "rate_plan", "dailyrate": "daily_rate", "guest": "guest", "reservation": "reservation",
    "maintenanceblock": "block", "webhooksubscription": "subscription", "webhookdelivery": "delivery",
}  # fmt: skip
AUTOCOMPLETE = {"app_label": "channel_sync", "model_name": "channelevent", "field_name": "channel_property"}


def page_ask(page: str, rows: Rows) -> Ask:
    """A page of the admin, about the row of this hotel that it is about, if it is about one."""
    parts, arguments, query = page.split("_"), [], {}
    if page in ("channel_sync_parity", "channel_sync_mapping_suggestions"):
        arguments = [rows.property]
    elif page == "auth_user_password_change" or (parts[-1] in ("change", "history", "delete") and len(parts) > 2):
        kind = ADMIN_ROWS.get(parts[-2], "user")
        arguments = [getattr(rows, kind) if kind != "user" or page.startswith("auth_user") else "1"]
    elif page == "app_list":
        arguments = ["channel_sync"]
    elif page == "view_on_site":
        arguments = ["1", rows.property]
    elif page == "autocomplete":
        query = AUTOCOMPLETE
    method = "post" if page == "logout" else "get"
    return Ask((page, ""), method, reverse(f"admin:{page}", args=arguments), query, {} if method == "post" else None)


def admin_filters(rows: Rows) -> Iterator[Ask]:
    """Lists of the admin, filtered, searched and narrowed by what is of this hotel."""
    number = rows.external("booking", "external_id")
    filters: dict[str, list[dict[str, Any]]] = {
        "channel_sync_channelevent": [
            {"q": number}, {"q": rows.event}, {"q": rows.reservation}, {"channel_property__id__exact": rows.property},
            {"status__exact": "failed"}, {"received_at__gte": "2026-11-01 00:00:00+00:00"},
        ],
        "channel_sync_reservationlink": [{"q": number}, {"channel_property__id__exact": rows.property}],
        "channel_sync_conflict": [{"q": f"booking:{number}"}, {"status__exact": "open"}],
        "channel_sync_channelmapping": [{"q": rows.external("mapping", "external_id")}],
        "channel_sync_channelproperty": [{"q": rows.external("property", "channel_property_id")}],
        "channel_sync_auditentry": [{"q": rows.external("audit", "actor")}, {"action__exact": "event.retried"}],
        "channel_sync_alert": [{"kind__exact": "failed_events"}],
        "channel_sync_reconciliationrun": [{"channel_property__id__exact": rows.property}, {"status__exact": "done"}],
        "channel_sync_webhooksubscription": [{"channel_property__id__exact": rows.property}, {"is_active__exact": "1"}],
        "channel_sync_webhookdelivery": [{"kind__exact": "event.failed"}],
        "pms_guest": [{"q": rows.external("guest", "last_name")}, {"q": rows.external("guest", "email")}],
        "pms_reservation": [
            {"q": rows.reservation}, {"q": rows.external("guest", "last_name")}, {"hotel__id__exact": rows.hotel},
            {"check_in__year": "2027"}, {"check_in__year": "2027", "check_in__month": "3"},
        ],
        "pms_roomtype": [{"hotel__id__exact": rows.hotel}, {"q": rows.external("room_type", "name")}],
        "pms_dailyrate": [{"rate_plan__room_type__id__exact": rows.room_type}, {"night__year": "2027"}],
        "pms_hotelmembership": [{"hotel__id__exact": rows.hotel}, {"q": rows.external("user", "username")}],
        "pms_hotelsettings": [{"q": rows.external("hotel", "name")}],
    }  # fmt: skip
    for name, queries in filters.items():
        for query in queries:
            yield Ask((f"{name}_changelist", ""), "get", reverse(f"admin:{name}_changelist"), query)
    term = rows.external("property", "channel_property_id")
    yield Ask(("autocomplete", ""), "get", reverse("admin:autocomplete"), {**AUTOCOMPLETE, "term": term})


def admin_acts(rows: Rows, own: Rows) -> Iterator[Ask]:
    """What the buttons and lists of the admin post, about rows of this hotel; `own` are rows that one may see."""
    yield from _event_acts(rows, own)
    yield from _property_acts(rows)
    yield from _mapping_acts(rows, own)
    yield _form("channel_sync_conflict_change", "resolve", {"resolution": "dismiss"}, rows.conflict)
    report = {"report": "no_show", "confirmed": "yes"}
    yield _form("channel_sync_reservationlink_change", "report to the OTA", report, rows.booking)
    for verb, row in (("send_test", rows.subscription), ("rotate_secret", rows.subscription)):
        post = {"action": verb, "_selected_action": row}
        yield _form("channel_sync_webhooksubscription_changelist", "send a test, give a new secret", post)
    again = {"action": "send_again", "_selected_action": rows.delivery}
    yield _form("channel_sync_webhookdelivery_changelist", "send once more", again)
    added = {"url": "https://8.8.8.8/", "channel_property": rows.property, "is_active": "on"}
    yield _form("channel_sync_webhooksubscription_add", "", added)
    yield _form("channel_sync_webhooksubscription_change", "", added, rows.subscription)
    yield _form("channel_sync_webhooksubscription_change", "", added, own.subscription)
    yield _form("channel_sync_webhooksubscription_delete", "", {"post": "yes"}, rows.subscription)
    role = {"user": own.user, "property": rows.hotel, "role": "3"}
    yield _form("channel_sync_propertyrole_add", "", role)
    yield _form("channel_sync_propertyrole_delete", "", {"post": "yes"}, rows.role)
    yield from _guest_acts(rows, own)
    yield from _pms_acts(rows, own)


def _guest_acts(rows: Rows, own: Rows) -> Iterator[Ask]:
    """By what names the guest; the chosen bookings under the property that they are of, and under one's own."""
    number = rows.external("booking", "external_id")
    posts: list[dict[str, Any]] = [{"numbers": number}, {"email": rows.external("guest", "email")}]
    for channel_property in (rows.property, own.property):
        for chosen in (f"{channel_property}/booking:{number}", f"{channel_property}/reservation:{rows.reservation}"):
            posts += [{"do": "export", "chosen": chosen}, {"do": "erase", "chosen": chosen}]
            posts.append({"do": "erase", "chosen": chosen, "confirmed": "yes"})
    for post in posts:
        yield _form("channel_sync_guest", "look for a guest, export, erase", post)


def _event_acts(rows: Rows, own: Rows) -> Iterator[Ask]:
    for verb in ("retry", "replay", "ignore"):
        yield _form("channel_sync_channelevent_change", "retry, replay, ignore", {"do": verb}, rows.event)
        chosen = {"action": f"{verb}_selected", "_selected_action": rows.event}
        act = "retry, replay, ignore the selected"
        yield _form("channel_sync_channelevent_changelist", act, chosen)
        named = {"action": f"{verb}_selected", "_selected_action": own.event, "confirmed": "yes", "ids": rows.event}
        yield _form("channel_sync_channelevent_changelist", act, named)
        across = {"action": f"{verb}_selected", "_selected_action": own.event, "select_across": "1", "confirmed": "yes"}
        yield _form("channel_sync_channelevent_changelist", act, across)


def _property_acts(rows: Rows) -> Iterator[Ask]:
    operating, administering = (
        "try the connection, compare, first synchronisation", "pause, resume, close rooms, webhook"
    )  # fmt: skip
    for verb in ("test", "first-sync", "reconcile-bookings"):
        yield _form("channel_sync_channelproperty_change", operating, {"do": verb}, rows.property)
    for verb in ("pause", "resume", "pause-closed", "close", "webhook-check"):
        post = {"do": verb, "confirmed": "yes"}
        yield _form("channel_sync_channelproperty_change", administering, post, rows.property)
    yield _form("channel_sync_parity", "compare again", {"do": "compare"}, rows.property)
    yield _form("channel_sync_parity", "go live", {"do": "accept", "old_bookings": "link"}, rows.property)
    connect = {"property": rows.hotel, "channel_name": "beds24", "invite_code": "WRONG"}
    yield _form("channel_sync_connect", "", connect)


def _mapping_acts(rows: Rows, own: Rows) -> Iterator[Ask]:
    mapping = {
        "channel_property": rows.property, "mapping_type": "room_type", "internal_id": rows.room_type,
        "external_id": "2009", "is_active": "on", "confirmed": "yes",
    }  # fmt: skip
    yield _form("channel_sync_channelmapping_change", "change", mapping, rows.mapping)
    yield _form("channel_sync_channelmapping_change", "change", mapping, own.mapping)
    yield _form("channel_sync_channelmapping_add", "", mapping)
    yield _form("channel_sync_mapping_suggestions", "", {"room": "2001"}, rows.property)
    chosen = {"action": "remove_selected", "_selected_action": rows.mapping}
    yield _form("channel_sync_channelmapping_changelist", "remove the selected", chosen)
    named = {**chosen, "_selected_action": own.mapping, "confirmed": "yes", "ids": rows.mapping}
    yield _form("channel_sync_channelmapping_changelist", "remove the selected", named)
    payload = {"booking": {"id": 1, "propertyId": int(rows.external("property", "channel_property_id")), "roomId": 2001,
                           "status": "new", "arrival": "2027-03-01", "departure": "2027-03-04"}}  # fmt: skip
    for kind in MappingType:
        yield _form("channel_sync_mapping_test", "", {"payload": json.dumps(payload), "mapping_type": kind.value})


def _pms_acts(rows: Rows, own: Rows) -> Iterator[Ask]:
    rooms = {f"rooms-{name}": "0" for name in ("TOTAL_FORMS", "INITIAL_FORMS", "MIN_NUM_FORMS", "MAX_NUM_FORMS")}
    room_type = {"hotel": rows.hotel, "name": "Loft", "units": "1", **rooms}
    yield _form("pms_roomtype_add", "", room_type)
    yield _form("pms_roomtype_change", "", room_type, own.room_type)
    yield _form("pms_roomtype_change", "", room_type, rows.room_type)
    yield _form("pms_rateplan_add", "", {"room_type": rows.room_type, "name": "Flex"})
    block = {"room": rows.room, "start": "2027-08-01", "end": "2027-08-02", "reason": ""}
    yield _form("pms_maintenanceblock_add", "", block)
    yield _form("pms_maintenanceblock_delete", "", {"post": "yes"}, rows.block)
    yield _form("pms_hotelmembership_add", "", {"user": own.user, "hotel": rows.hotel})
    yield _form("pms_hotelsettings_change", "", {"name": "Mine", "time_zone": "UTC", "currency": "EUR"}, rows.hotel)
    change = {"guest": rows.guest, "phase": "", "source": "PMS", "adults": "1", "children": "0", "version": "1"}
    yield _form("pms_reservation_change", "", change, own.reservation)
    yield _form("pms_reservation_change", "", change, rows.reservation)
    yield _form("pms_reservation_changelist", "", {"action": "book_again", "_selected_action": rows.reservation})


def _form(page: str, act: str, body: dict[str, Any], *arguments: str) -> Ask:
    return Ask((page, act), "post", reverse(f"admin:{page}", args=arguments), {}, body, is_form=True)
