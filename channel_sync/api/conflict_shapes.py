"""What the sides of conflicts and the runs of comparisons hold, for the document.

Which keys are there goes by the kind of the conflict; none is promised.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from channel_sync.api.json_values import json_shown_as
from channel_sync.merge.fields import Field
from channel_sync.models import KeptLower
from channel_sync.pms import StayPhase

TWO_OR_HIDDEN = {
    "oneOf": [{"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2}, {"type": "string"}]
}
# With the names of the members, as overrides of the document's names have them.
FIELDS = [(one.value, one.name) for one in Field]


@extend_schema_field({**TWO_OR_HIDDEN, "description": "First and last name; '(hidden)' for viewers."})
class NamesField(serializers.JSONField):
    """Two names, or that they are hidden."""


class ChangedFieldsSerializer(serializers.Serializer[Any]):
    """What a side has changed, field by field."""

    status = serializers.CharField(required=False)
    dates = serializers.ListField(
        child=serializers.CharField(), min_length=2, max_length=2, required=False, help_text="Arrival and departure."
    )
    room = serializers.CharField(required=False, help_text="The channel's room.")
    units = serializers.IntegerField(required=False)
    adults = serializers.IntegerField(required=False)
    children = serializers.IntegerField(required=False)
    price = serializers.CharField(required=False)
    notes = serializers.CharField(required=False)
    guest_name = NamesField(required=False)
    email = serializers.CharField(required=False)
    phone = serializers.CharField(required=False)
    country = serializers.CharField(required=False)


class SideSerializer(serializers.Serializer[Any]):
    """What either side of a conflict may hold."""

    status = serializers.CharField(required=False)
    check_in = serializers.DateField(required=False)
    check_out = serializers.DateField(required=False)
    units = serializers.IntegerField(required=False)
    price = serializers.CharField(required=False, allow_null=True)
    currency = serializers.CharField(required=False)
    guest = serializers.CharField(required=False)
    email = serializers.CharField(required=False)
    changed = ChangedFieldsSerializer(required=False, help_text="Where both sides have changed the booking.")
    stands = serializers.ListField(
        child=serializers.ChoiceField(choices=FIELDS), required=False, help_text="Where both have this side's value."
    )
    free_units = serializers.DictField(
        child=serializers.IntegerField(allow_null=True), required=False, help_text="Night -> free units."
    )
    prices = serializers.DictField(
        child=serializers.CharField(allow_null=True), required=False, help_text="Night -> price."
    )
    closures = serializers.DictField(
        child=serializers.CharField(), required=False, help_text="Night -> how it is closed, or 'open'."
    )
    restrictions = serializers.DictField(
        child=serializers.DictField(child=serializers.CharField()),
        required=False,
        help_text="Rate plan -> nights -> restrictions, in words.",
    )


class PmsSideSerializer(SideSerializer):
    """A conflict as the PMS has it."""

    reservation_id = serializers.UUIDField(required=False)
    room_type_id = serializers.UUIDField(required=False, allow_null=True)
    rate_plan_id = serializers.UUIDField(required=False)
    phase = serializers.ChoiceField(
        choices=[one.value for one in StayPhase], required=False, help_text="Of a stay that has begun."
    )
    sent = serializers.ListField(
        child=serializers.ChoiceField(choices=FIELDS),
        required=False,
        help_text="What the PMS has sent over a change of the channel.",
    )
    not_in_the_pms_yet = serializers.DictField(
        child=serializers.IntegerField(), required=False, help_text="Night -> units that only the channel has sold."
    )
    cancelled_at = serializers.DateTimeField(required=False)
    room = serializers.CharField(
        required=False, help_text="Of a booking that the PMS has cancelled: 'kept closed' or 'on sale'."
    )
    error = serializers.CharField(required=False, help_text="Why it cannot be read.")


class ChannelSideSerializer(SideSerializer):
    """A conflict as the channel has it."""

    booking_id = serializers.CharField(required=False)
    room_id = serializers.CharField(required=False)
    rate_id = serializers.CharField(required=False)
    deleted = serializers.BooleanField(required=False, help_text="The channel has the booking no more.")
    will_be = serializers.CharField(required=False, help_text="What becomes of the booking there.")
    ota = serializers.CharField(required=False)
    ota_reference = serializers.CharField(required=False)
    advice = serializers.CharField(required=False, help_text="What to do at which OTA, for people.")


_SPAN = {"type": "array", "items": {"type": "string", "format": "date"}, "minItems": 2, "maxItems": 2}
_BY_ROOM_TYPE = {"type": "object", "additionalProperties": {"type": "array", "items": _SPAN}}

PmsSideField = json_shown_as(PmsSideSerializer)
ChannelSideField = json_shown_as(ChannelSideSerializer)
KeptLowerField = json_shown_as(
    {
        "type": "object",
        "properties": {one.value: _BY_ROOM_TYPE for one in KeptLower},
        "example": {"closed": {"6f9619ff-8b86-4d01-b42d-00c04fc964ff": [["2027-03-01", "2027-03-05"]]}},
    }
)
