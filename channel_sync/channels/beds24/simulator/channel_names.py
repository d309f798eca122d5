"""The names of channels that Beds24 takes, as a filter of bookings and as a limit of the calendar."""

from __future__ import annotations

LIMITED = (
    "agoda", "airbnb", "asiatravel", "atraveode", "booking", "despegar", "edreamsodigeo", "expedia", "feratel",
    "goibibo", "hometogo", "hostelworld", "hotelbeds", "hrs", "jomres", "marriott", "ostrovokru", "ota", "reserva",
    "tiket", "tomastravel", "traveloka", "travia", "traum", "trip", "tripadvisorrentals", "vacationstay", "vrbo",
)  # fmt: skip
FILTERED = (
    *LIMITED, "airbnbical", "bedandbreakfasteu", "bedandbreakfastnl", "bookeasycomau", "bookingpage", "bookitconz",
    "direct", "flipkey", "googleads", "googlecal", "guestlinkcouk", "holidaylettingscouk", "hostelinternational",
    "hostelsclub", "housetripcom", "icalimport1", "icalimport2", "icalimport3", "lastminute", "nzaa", "rezintelnet",
    "tablethotels", "traumferienwohnungen", "trivagocom", "visitscotlandcom", "vrboical", "webroomsconz",
)  # fmt: skip
