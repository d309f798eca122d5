"""Payloads as Beds24 really sends them, with invented guests."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

CUSTOM = {f"custom{number}": "" for number in range(1, 11)}

LISTED_BOOKING: Json = {
    "id": 90900001, "masterId": None, "propertyId": 310001, "roomId": 710001, "unitId": 1, "roomQty": 1, "offerId": 0,
    "status": "confirmed", "subStatus": "none", "arrival": "2026-09-03", "departure": "2026-09-05", "numAdult": 1,
    "numChild": 0, "title": "", "firstName": "Ada", "lastName": "Lovelace", "email": "ada@example.org",
    "phone": "+34600000000", "mobile": "+34600000000", "fax": "", "company": "", "address": "1 Example Street",
    "city": "Example", "state": "", "postcode": "", "country": "Spain", "country2": None, "arrivalTime": "",
    "voucher": "", "comments": "", "notes": "", "message": "", "groupNote": "", **CUSTOM, "flagColor": "",
    "flagText": "", "statusCode": 0, "lang": "", "referer": "API", "refererEditable": "", "reference": "",
    "channel": "direct", "apiSourceId": 0, "apiSource": "Direct", "apiReference": "", "allowChannelUpdate": "all",
    "allowAutoAction": "enable", "allowReview": "default", "allowCancellation": {"type": "propertyDefault"},
    "invoiceeId": None, "bookingTime": "2026-08-04T09:16:01Z", "modifiedTime": "2026-08-04T09:16:01Z",
    "cancelTime": None, "price": 0, "deposit": 0, "tax": 0, "commission": 0, "rateDescription": "",
    "stripeToken": None, "pcibookingToken": None, "apiMessage": "",
}  # fmt: skip
CANCELLED_THROUGH_THE_API = LISTED_BOOKING | {"status": "cancelled", "modifiedTime": "2026-08-06T13:28:35Z"}
NO_PERSON = dict.fromkeys(("firstName", "lastName", "email", "phone", "mobile"), "")
BLOCKED_DATES = LISTED_BOOKING | NO_PERSON | {"status": "black", "numAdult": 0}
INQUIRY = LISTED_BOOKING | {"status": "inquiry"}
OF_AN_OTA = LISTED_BOOKING | {
    "status": "new", "channel": "booking", "apiSource": "Booking.com", "apiSourceId": 19, "referer": "Booking.com",
    "apiReference": "6200000001", "modifiedTime": "2026-08-04T09:16:02Z", "price": 488, "country2": "ES",
}  # fmt: skip
IN_A_GROUP = OF_AN_OTA | {"masterId": 90900000, "bookingGroup": {"master": 90900000, "ids": [90900000, 90900001]}}


def page(kind: str, *data: Json) -> Json:
    """A page of a list, the only one."""
    pages = {"nextPageExists": False, "nextPageLink": None}
    return {"success": True, "type": kind, "count": len(data), "pages": pages, "data": list(data)}


CALENDAR: Json = {
    "roomId": 710001,
    "propertyId": 310001,
    "name": "1130",
    "calendar": [
        {"from": "2026-07-28", "to": "2026-07-28", "numAvail": 0, "price1": 610},
        {"from": "2026-07-29", "to": "2026-07-30", "numAvail": -1, "price1": 610.5},
    ],
}

CREATED = [
    {
        "success": True,
        "new": {"id": 90900001},
        "info": [{"action": "new booking", "id": 90900001, "message": "added new booking"}],
    }
]
CREATED_WITHOUT_ITS_INFO_ITEM = [
    {**CREATED[0], "success": False, "errors": [{"action": "new info item", "field": "text", "message": "invalid"}]}
]
REFUSED = [{"success": False, "errors": [{"action": "new booking", "field": "arrival", "message": "invalid"}]}]
REFUSED_BY_A_WARNING = [
    {"success": False, "warnings": [{"field": "webhooks_additionalData", "message": "Invalid"}]},
]
BAD_DATE = {
    "success": False,
    "type": "error",
    "code": 400,
    "error": "Parameter arrivalFrom is in an invalid format. Expected format: YYYY-MM-DD",
}
NO_ARRAY = {"success": False, "code": 400, "error": "Request body must be an array"}
CREDITS = {"x-five-min-limit-resets-in": "162", "x-five-min-limit-remaining": "95.9", "x-request-cost": "1.1"}

TOKEN_DETAILS: Json = {
    "validToken": True,
    "token": {
        "ownerId": 1,
        "expiresIn": 80000,
        "created": "2026-08-04T08:00:00Z",
        "scopes": ["all:bookings", "all:bookings-personal", "all:bookings-financial", "all:inventory"],
        "deviceName": "pms",
        "linkedProperties": False,
        "onlyPropertyId": None,
        "whiteListOnly": False,
        "whiteList": [""],
    },
    "diagnostics": {"requestIp": "192.0.2.1"},
}
TOKEN_NOT_VALID = {"validToken": False, "diagnostics": {"requestIp": "192.0.2.1"}}
DEFAULT_WEBHOOK = {"version": "one", "url": "", "additionalData": "none", "customHeader": ""}

WEBHOOK: Json = {
    "timeStamp": "2026-02-15T10:07:22Z",
    "booking": LISTED_BOOKING
    | {
        "bookingGroup": None,
        "offerId": 1,
        "price": 713,
        "tax": 13,
        "commission": 100,
        "lang": "pt",
        "allowCancellation": {"type": "daysBeforeArrival", "daysBeforeArrivalValue": 2},
        "rateDescription": "Offer 1 Standard, \r\n2026-02-16 100 2 persons,",
    },
    "infoItems": [{"id": 5, "code": "BOOKINGCOMBANKTRANS", "text": "", "createTime": "2026-02-12T19:49:04Z"}],
    "invoiceItems": [
        {
            "id": 148000001, "bookingId": 90900001, "type": "charge", "subType": 1, "description": "Room",
            "status": "7.00", "qty": 1, "amount": 500, "lineTotal": 500, "vatRate": 20, "invoiceeId": None,
            "createdBy": 11000, "createTime": "2026-02-12T19:49:04Z",
        },
        {"id": 148000002, "type": "payment", "subType": 202, "qty": 1, "amount": 450, "lineTotal": -450},
    ],
    "messages": [
        {"id": 1001, "bookingId": 90900001, "source": "guest", "time": "2026-02-15T10:07:22Z", "message": "Hello"}
    ],
    "retries": 0,
}  # fmt: skip
PERSONAL = (
    "title", "firstName", "lastName", "email", "phone", "mobile", "fax", "company", "address", "city", "state",
    "postcode", "country", "country2", "arrivalTime", "comments", "notes", "message", "groupNote", "price", "deposit",
    "tax", "commission",
)  # fmt: skip
WEBHOOK_WITHOUT_PERSONAL_DATA: Json = {
    **WEBHOOK,
    "booking": {name: value for name, value in WEBHOOK["booking"].items() if name not in PERSONAL},
    "infoItems": [],
    "invoiceItems": [],
    "messages": [],
}
# Seen at one property management system: no Z, amounts as texts, and only some of the fields.
LOOSE_WEBHOOK: Json = {
    "timeStamp": "2025-07-30T14:32:00",
    "booking": {
        "id": 90900001, "masterId": None, "bookingGroup": {"master": None, "ids": [90900001]}, "propertyId": 310001,
        "roomId": 710001, "status": "confirmed", "arrival": "2025-08-15", "departure": "2025-08-18",
        "firstName": "Grace", "lastName": "H", "email": "", "phone": "34600000000", "country": "19", "country2": None,
        "lang": "es", "channel": "airbnb", "apiReference": "1234567", "price": "450.00", "commission": "67.50",
        "bookingTime": "2025-07-30T14:30:00", "modifiedTime": "2025-07-30T14:32:00",
    },
    "messages": [{"id": 1, "bookingId": 90900001, "source": "guest", "time": "2025-07-30T14:31:00", "message": "Hi"}],
}  # fmt: skip
INVENTORY_WEBHOOK = {"roomId": "123456", "propId": "12345", "ownerId": "1234", "action": "SYNC_ROOM"}

WRITTEN_BOOKINGS: list[Json] = [
    {
        "roomId": 710001, "status": "confirmed", "arrival": "2021-01-01", "departure": "2021-01-05", "numAdult": 2,
        "numChild": 1, "title": "Ms", "firstName": "Ada", "lastName": "Lovelace", "email": "ada@example.org",
        "mobile": "123456789", "address": "1 Example Street", "city": "Example", "postcode": "3000",
        "country": "Australia",
    },
    {"id": 7777777, "departure": "2021-01-10"},
    {"id": 7654321, "status": "cancelled"},
    {"id": 1234567, "infoItems": [{"code": "new code", "text": "new text"}]},
    {"id": 1111111, "infoItems": [{"id": 2222222, "text": "updated text"}]},
    {"id": 1111111, "infoItems": [{"id": 2222222}]},
    {
        "roomId": 322790, "arrival": "2022-06-29", "departure": "2022-07-09",
        "invoiceItems": [{"type": "charge", "qty": 2, "amount": 50}],
    },
    {"id": 1111111, "invoiceItems": [{"id": 2222222, "qty": 3}]},
    {"id": 1111111, "invoiceItems": [{"id": 2222222}]},
    {"roomId": 1234567, "arrival": "2021-01-01", "departure": "2021-01-05", "actions": {"makeGroup": True}},
]  # fmt: skip
WRITTEN_DAYS: list[Json] = [
    {"from": "2022-04-01", "to": "2022-05-01", "minStay": 3, "price1": 450, "numAvail": 1},
    {"from": "2022-04-01", "to": "2022-05-01", "price1": None},
    {"from": "2022-04-01", "to": "2022-05-01", "price1": 350, "price2": 300},
    {"from": "2022-04-01", "to": "2022-05-01", "override": "blackout"},
    {"from": "2022-04-01", "to": "2022-05-01", "channels": {"airbnb": {"maxBookings": 4}}},
    {"from": "2022-04-01", "to": "2022-05-01", "channels": {"expedia": {"maxBookings": None}}},
]
WRITTEN_MESSAGES: list[Json] = [
    {"bookingId": 1111111, "message": "Hello"},
    {"id": 222222, "read": True},
    {
        "bookingId": 1234567,
        "message": "A map",
        "attachment": "aGVsbG8=",
        "attachmentName": "map.png",
        "attachmentMimeType": "image/png",
    },
]
