"""How both sides' availability reads in the API. The answer is built by hand: it holds thousands of nights."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from channel_sync.api.known_keys import StrictSerializer
from channel_sync.api.not_in_pms import MissingSerializer
from channel_sync.models import ConflictKind, KeptLower, Severity
from channel_sync.operations.both_sides import BothSides, NightBothSides, RoomTypeBothSides
from channel_sync.operations.plan_nights import PlanNight, PlanNights

MAX_NIGHTS = 500
USUAL_NIGHTS = 31
# Of the year 9999 no day after can be named.
MAX_YEAR = 2200


class BothSidesQuerySerializer(StrictSerializer):
    """Which nights, 31 from today unless said; and what is wanted of them."""

    start = serializers.DateField(required=False, help_text="First night; today at the property unless said.")
    end = serializers.DateField(
        required=False,
        help_text=f"The day after the last night; {USUAL_NIGHTS} nights unless said, {MAX_NIGHTS} at most.",
    )
    room_type_id = serializers.UUIDField(required=False, help_text="This one alone.")
    rates = serializers.BooleanField(default=False, help_text="With prices and restrictions, by rate plan.")
    live = serializers.BooleanField(
        default=False, help_text="Ask the channel now, which costs credits; for operators. What is known otherwise."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """In order, and not too many; `today` is in the context."""
        start = attrs.setdefault("start", self.context["today"])
        if start.year > MAX_YEAR:
            raise serializers.ValidationError({"start": f"No night after the year {MAX_YEAR} is for sale."})
        end = attrs.setdefault("end", start + timedelta(days=USUAL_NIGHTS))
        if not 1 <= (end - start).days <= MAX_NIGHTS:
            raise serializers.ValidationError(
                {"end": f"'end' is the day after the last night: 1 to {MAX_NIGHTS} nights after 'start', {start}."}
            )
        return attrs


class AtChannelSerializer(serializers.Serializer[Any]):
    """Units of a night at the channel."""

    units = serializers.IntegerField(help_text="By now: what was last known, moved as the PMS has moved since.")
    last_known = serializers.IntegerField(help_text="As it was sent or seen.")
    how = serializers.ChoiceField(["sent", "seen", "live"])
    known_at = serializers.DateTimeField(help_text="Since when that is known.")


class NightBothSidesSerializer(serializers.Serializer[Any]):
    """A night of a room type on both sides."""

    night = serializers.DateField()
    free = serializers.IntegerField(help_text="In the PMS; below zero when it is overbooked.")
    for_sale = serializers.IntegerField(help_text="What the channel is to sell.")
    reserved = serializers.IntegerField(help_text="Units of reservations.")
    held = serializers.IntegerField(help_text="Units of reservations that wait for their channel.")
    out_of_order = serializers.IntegerField(help_text="Rooms.")
    not_in_pms = serializers.IntegerField(help_text="Units that the channel has sold and the PMS does not have yet.")
    channel = AtChannelSerializer(allow_null=True, help_text="Null where nothing is known.")
    compared_at = serializers.DateTimeField(allow_null=True, help_text="When a reconciliation last looked at it.")
    kept_lower = serializers.ChoiceField(
        KeptLower.choices, allow_null=True, help_text="Why the channel kept it lower then, which no push changes."
    )
    closed_at_channel = serializers.CharField(
        allow_null=True,
        help_text="How somebody had closed it there by hand when last flagged; left so, it may be open by now.",
    )
    differs = serializers.BooleanField(
        allow_null=True,
        help_text="Whether the units do. Null where the channel's side is not known, or a change is on its way.",
    )


class ConflictOfNightsSerializer(serializers.Serializer[Any]):
    """An open conflict about nights of the room type."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(ConflictKind.choices)
    severity = serializers.ChoiceField(Severity.choices)


class PlanNightSerializer(serializers.Serializer[Any]):
    """What a night costs; nulls where the PMS has no rate, or sets nothing."""

    night = serializers.DateField()
    price = serializers.DecimalField(max_digits=12, decimal_places=2, allow_null=True)
    min_stay = serializers.IntegerField(allow_null=True)
    max_stay = serializers.IntegerField(allow_null=True)
    stop_sell = serializers.BooleanField(allow_null=True)
    closed_to_arrival = serializers.BooleanField(allow_null=True)
    closed_to_departure = serializers.BooleanField(allow_null=True)
    price_at_channel = serializers.DecimalField(
        max_digits=12, decimal_places=2, allow_null=True, help_text="As it was last sent."
    )


class PlanNightsSerializer(serializers.Serializer[Any]):
    """A rate plan of the room type."""

    rate_plan_id = serializers.UUIDField()
    name = serializers.CharField()
    external_rate_id = serializers.CharField(allow_null=True)
    nights = PlanNightSerializer(many=True)


class RoomTypeBothSidesSerializer(serializers.Serializer[Any]):
    """A room type, by name."""

    room_type_id = serializers.UUIDField()
    name = serializers.CharField()
    units = serializers.IntegerField()
    external_room_id = serializers.CharField(allow_null=True, help_text="Null where no room of the channel is mapped.")
    held_since = serializers.DateTimeField(allow_null=True, help_text="Its mapping waits for its parity check.")
    on_its_way = serializers.BooleanField(help_text="A change of it is still to be sent.")
    nights = NightBothSidesSerializer(many=True)
    conflicts = ConflictOfNightsSerializer(many=True)
    rates = PlanNightsSerializer(many=True, allow_null=True, help_text="Null unless asked for.")


class BothSidesSerializer(serializers.Serializer[Any]):
    """A property."""

    channel_property_id = serializers.UUIDField()
    property_id = serializers.UUIDField()
    currency = serializers.CharField()
    time_zone = serializers.CharField()
    start = serializers.DateField()
    end = serializers.DateField()
    asked_at = serializers.DateTimeField(allow_null=True, help_text="When the channel was asked, if it was.")
    room_types = RoomTypeBothSidesSerializer(many=True)
    not_in_pms = MissingSerializer(many=True, help_text="Bookings that take units and are not in the PMS yet.")
    not_in_pms_complete = serializers.BooleanField(help_text="False where there are more than are listed.")


def both_sides_answer(found: BothSides) -> dict[str, Any]:
    """As `BothSidesSerializer` describes it."""
    return {
        "channel_property_id": found.channel_property.id,
        "property_id": found.channel_property.property_id,
        "currency": found.facts.currency,
        "time_zone": found.facts.time_zone,
        "start": found.start,
        "end": found.end,
        "asked_at": found.asked_at,
        "room_types": [_room_type(one) for one in found.room_types],
        "not_in_pms": MissingSerializer(found.not_in_pms.missing, many=True).data,
        "not_in_pms_complete": found.not_in_pms.is_complete,
    }


def _room_type(one: RoomTypeBothSides) -> dict[str, Any]:
    return {
        "room_type_id": one.facts.id,
        "name": one.facts.name,
        "units": one.facts.units,
        "external_room_id": one.external_room_id,
        "held_since": one.held_since,
        "on_its_way": one.on_its_way,
        "nights": [_night(night) for night in one.nights],
        "conflicts": [{"id": found.id, "kind": found.kind, "severity": found.severity} for found in one.conflicts],
        "rates": None if one.rates is None else [_plan(plan) for plan in one.rates],
    }


def _night(one: NightBothSides) -> dict[str, Any]:
    return {**vars(one), "channel": None if one.channel is None else vars(one.channel)}


def _plan(plan: PlanNights) -> dict[str, Any]:
    return {
        "rate_plan_id": plan.facts.id,
        "name": plan.facts.name,
        "external_rate_id": plan.external_rate_id,
        "nights": [_plan_night(night) for night in plan.nights],
    }


def _plan_night(one: PlanNight) -> dict[str, Any]:
    terms = one.terms
    return {
        "night": one.night,
        "price": _money(terms.price if terms is not None else None),
        "min_stay": terms and terms.min_stay,
        "max_stay": terms and terms.max_stay,
        "stop_sell": terms and terms.stop_sell,
        "closed_to_arrival": terms and terms.closed_to_arrival,
        "closed_to_departure": terms and terms.closed_to_departure,
        "price_at_channel": _money(one.price_at_channel),
    }


def _money(price: Decimal | None) -> str | None:
    """As serializers write it: a float would lose cents."""
    return None if price is None else f"{price:.2f}"
