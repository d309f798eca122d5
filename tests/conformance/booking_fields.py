"""Where each documented field of a booking goes: read, kept as it came in the payload, or dropped on purpose."""

from __future__ import annotations

from collections.abc import Mapping

READ: Mapping[str, str] = {
    "id": "external_id",
    "propertyId": "external_property_id",
    "roomId": "external_room_id",
    "unitId": "external_unit_id",
    "masterId": "group_id",
    "roomQty": "units",
    "status": "status",
    "arrival": "check_in",
    "departure": "check_out",
    "numAdult": "adults",
    "numChild": "children",
    "firstName": "guest.first_name",
    "lastName": "guest.last_name",
    "email": "guest.email",
    "phone": "guest.phone",
    "mobile": "guest.phone",
    "country2": "guest.country",
    "comments": "guest_comments",
    "notes": "notes",
    "channel": "ota",
    "apiReference": "ota_reference",
    "bookingTime": "booked_at",
    "modifiedTime": "modified_at",
    "cancelTime": "cancelled_at",
    "price": "price",
    "infoItems": "client_key",
}

FOR_PEOPLE = "nothing is done by it; whoever looks the booking up finds it"
KEPT: Mapping[str, str] = {
    "subStatus": "no-shows and walk-ins are the PMS's to decide",
    "offerId": FOR_PEOPLE,
    "statusCode": FOR_PEOPLE,
    "flagColor": FOR_PEOPLE,
    "flagText": FOR_PEOPLE,
    "referer": FOR_PEOPLE,
    "refererEditable": FOR_PEOPLE,
    "reference": FOR_PEOPLE,
    "rateDescription": "the price is read, how it came about is for people",
    "voucher": FOR_PEOPLE,
    "groupNote": FOR_PEOPLE,
    "message": FOR_PEOPLE,
    "arrivalTime": FOR_PEOPLE,
    "lang": FOR_PEOPLE,
    "invoiceeId": FOR_PEOPLE,
    "invoiceItems": "charges and payments are the PMS's own",
    "deposit": "charges and payments are the PMS's own",
    "tax": "it is within the price",
    "commission": "0 means that it is not told",
    "apiSource": "the same as the channel, for people",
    "apiSourceId": "the same as the channel, as a number",
    "allowChannelUpdate": FOR_PEOPLE,
    "allowAutoAction": "a setting of Beds24",
    "allowReview": "a setting of Beds24",
    "allowCancellation": "a setting of Beds24",
    "bookingGroup": "webhooks alone have it; the group is read from masterId",
    "guests": "the booking's own guest is read",
    **dict.fromkeys(
        ("title", "fax", "company", "address", "city", "state", "postcode", "country"),
        "a channel's address book; country2 is read",
    ),
    **dict.fromkeys((f"custom{number}" for number in range(1, 11)), "each account has a use of its own for it"),
}

DROPPED: Mapping[str, str] = {
    "stripeToken": "card data",
    "pcibookingToken": "card data",
    "apiMessage": "the OTA's own message, which may hold card data",
}
