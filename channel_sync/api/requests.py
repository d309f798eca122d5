"""The bodies that the admin API takes, checked by their serializers, and the answers to them."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from channel_sync.api.days import DayField
from channel_sync.api.json_values import JsonObjectField
from channel_sync.api.known_keys import StrictSerializer
from channel_sync.api.pauses import PauseStateSerializer
from channel_sync.models import (
    ChannelProperty,
    MappingType,
    ReconciliationKind,
    RunStatus,
)
from channel_sync.operations.access import Access
from channel_sync.reconciliation.resolution import Resolution

MAX_IDS = 1_000


class PayloadField(JsonObjectField):
    """A booking, or a whole booking webhook, as the channel sends it."""


class VisiblePropertyField(serializers.PrimaryKeyRelatedField[ChannelProperty]):
    """A channel property; one that the user does not see is refused like one that is not there.

    Whether the role on it is enough is for the view to say.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(queryset=ChannelProperty.objects.all(), pk_field=serializers.UUIDField(), **options)

    def get_queryset(self) -> QuerySet[ChannelProperty]:
        """Without an access in the context nothing can be named."""
        access: Access | None = self.context.get("access")
        return ChannelProperty.objects.none() if access is None else access.properties()


class MappingWriteSerializer(StrictSerializer):
    """A mapping to make or to change."""

    read_back = ("id", "property_id", "held_since", "created_at", "updated_at")

    channel_property_id = VisiblePropertyField(source="channel_property")
    mapping_type = serializers.ChoiceField(choices=MappingType.choices)
    internal_id = serializers.UUIDField(help_text="Of the PMS: property, room type, room or rate plan.")
    external_id = serializers.CharField(max_length=255, help_text="Of the channel, such as 2001, 2001:3 or 2001:1.")
    is_active = serializers.BooleanField(default=True)
    check_channel = serializers.BooleanField(default=False, help_text="Ask the channel whether it has the id.")
    go_live = serializers.BooleanField(
        default=False,
        help_text="Send it at once, whatever a comparison of both sides says; otherwise its report is accepted first.",
    )
    confirm = serializers.BooleanField(
        default=False,
        help_text="A person was asked, and a channel room that loses its room type may be closed at the channel.",
    )


class ConfirmSerializer(StrictSerializer):
    """Whether a person has confirmed what follows."""

    confirm = serializers.BooleanField(default=False, help_text="A person has been asked, and has said yes.")


class PauseSerializer(ConfirmSerializer):
    """How to pause."""

    close_rooms = serializers.BooleanField(
        default=False,
        help_text="Close every mapped room at the channel first, for the whole calendar. False leaves them on sale.",
    )


class MappingTestSerializer(StrictSerializer):
    """A payload to try."""

    payload = PayloadField()
    mappingType = serializers.ChoiceField(choices=MappingType.choices)
    channel_name = serializers.CharField(max_length=50, default="beds24")


class MappingTriedSerializer(serializers.Serializer[Any]):
    """What an inbound booking would meet."""

    success = serializers.BooleanField()
    mappedInternalId = serializers.UUIDField(source="mapped_internal_id", allow_null=True)
    mappingFound = serializers.BooleanField(source="mapping_found")
    warnings = serializers.ListField(child=serializers.CharField())


class IgnoreSerializer(StrictSerializer):
    """Why an event is ignored."""

    reason = serializers.CharField(max_length=500, allow_blank=True, default="")


class ResolveSerializer(StrictSerializer):
    """What is decided about a conflict."""

    resolution = serializers.ChoiceField(choices=[one.value for one in Resolution])


class RunStartSerializer(StrictSerializer):
    """What to compare."""

    channel_property_id = VisiblePropertyField(source="channel_property")
    kind = serializers.ChoiceField(choices=ReconciliationKind.choices)
    dry_run = serializers.BooleanField(default=False, help_text="Count what would be fixed and flagged.")
    start = DayField(required=False, help_text="First day; with `end`.")
    end = DayField(required=False, help_text="Last day; with `start`.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Both days or none, in order."""
        start, end = attrs.get("start"), attrs.get("end")
        if (start is None) != (end is None):
            raise serializers.ValidationError("'start' and 'end' go together.")
        if start is not None and end is not None and end < start:
            raise serializers.ValidationError({"end": "The last day is before the first."})
        return attrs


class RunQueuedSerializer(serializers.Serializer[Any]):
    """The run, queued: ask for it by its id to see how far it is."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=RunStatus.choices)
    queued = serializers.BooleanField()
    channel_property_id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=ReconciliationKind.choices)
    dry_run = serializers.BooleanField()


class SuggestionSerializer(serializers.Serializer[Any]):
    """A room type and the channel room of the same name."""

    room_type_id = serializers.UUIDField()
    room_type_name = serializers.CharField()
    external_room_id = serializers.CharField()


class ChannelRoomSerializer(serializers.Serializer[Any]):
    """A room of the channel."""

    external_id = serializers.CharField()
    name = serializers.CharField()
    units = serializers.IntegerField()


class RateSuggestionSerializer(serializers.Serializer[Any]):
    """A rate plan, a rate of the channel in the room of its room type, and what both cost on a night."""

    rate_plan_id = serializers.UUIDField()
    name = serializers.CharField(help_text="Room type and rate plan.")
    external_rate_id = serializers.CharField()
    channel_name = serializers.CharField(help_text="What the channel calls the rate; or empty.")
    night = serializers.DateField(allow_null=True, help_text="Tonight, or the next night that the PMS has a price of.")
    price = serializers.DecimalField(max_digits=12, decimal_places=2, allow_null=True)
    channel_price = serializers.DecimalField(max_digits=12, decimal_places=2, allow_null=True)


class SuggestionsSerializer(serializers.Serializer[Any]):
    """Mappings that names suggest, and the rooms of the channel that no room type is named like."""

    suggestions = SuggestionSerializer(many=True, source="matches")
    unmatched_rooms = ChannelRoomSerializer(many=True, source="unmatched")
    rates = RateSuggestionSerializer(many=True)


class AcceptSuggestionsSerializer(StrictSerializer):
    """The rooms and rates to map as suggested; one of either at least."""

    external_room_ids = serializers.ListField(
        child=serializers.CharField(max_length=255), required=False, default=list, max_length=MAX_IDS
    )
    external_rate_ids = serializers.ListField(
        child=serializers.CharField(max_length=255), required=False, default=list, max_length=MAX_IDS
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Something is named."""
        if not attrs["external_room_ids"] and not attrs["external_rate_ids"]:
            raise serializers.ValidationError("Name one of external_room_ids or external_rate_ids at least.")
        return attrs


class MappingsSavedSerializer(serializers.Serializer[Any]):
    """What was mapped; rooms and rates that are not suggested any more are left out."""

    mappings_saved = serializers.IntegerField()
    external_room_ids = serializers.ListField(child=serializers.CharField())
    external_rate_ids = serializers.ListField(child=serializers.CharField())


class FirstSyncQueuedSerializer(serializers.Serializer[Any]):
    """The reconciliation worker makes it next; its runs tell how far it is."""

    queued = serializers.BooleanField()
    channel_property_id = serializers.UUIDField()


class ConnectionTriedSerializer(serializers.Serializer[Any]):
    """The channel has answered."""

    reachable = serializers.BooleanField()
    milliseconds = serializers.IntegerField()
    credits_remaining = serializers.DecimalField(max_digits=10, decimal_places=2, allow_null=True)
    rooms = ChannelRoomSerializer(many=True)


class ShareSerializer(serializers.Serializer[Any]):
    """Mapped of all."""

    mapped = serializers.IntegerField()
    total = serializers.IntegerField()
    percentage = serializers.FloatField()


class CompletenessSerializer(serializers.Serializer[Any]):
    """Room types and rate plans."""

    rooms = ShareSerializer()
    rates = ShareSerializer()


class DepthsSerializer(serializers.Serializer[Any]):
    """Messages that wait; null when the broker cannot be asked."""

    inbound = serializers.IntegerField(allow_null=True)
    outbound = serializers.IntegerField(allow_null=True)
    dlq = serializers.IntegerField(source="dead_letters", allow_null=True)


class ChannelChoiceSerializer(serializers.Serializer[Any]):
    """Which channel, where a property is at several."""

    channel = serializers.CharField(max_length=50, required=False, source="channel_name")


class NotInPmsCountSerializer(serializers.Serializer[Any]):
    """Bookings of the channel that take nights which no reservation has yet."""

    bookings = serializers.IntegerField()
    failed = serializers.IntegerField(help_text="How many of them somebody has to see to.")


class StatusSerializer(serializers.Serializer[Any]):
    """How a property stands."""

    property_id = serializers.UUIDField(source="channel_property.property_id")
    channel_name = serializers.CharField(source="channel_property.channel_name")
    beds24_connected = serializers.BooleanField(source="is_connected")
    last_webhook_at = serializers.DateTimeField(source="channel_property.last_webhook_at", allow_null=True)
    last_outbound_success_at = serializers.DateTimeField(
        source="channel_property.last_outbound_success_at", allow_null=True
    )
    failed_events_24h = serializers.IntegerField()
    mapping_completeness = CompletenessSerializer(source="completeness")
    queue_depths = DepthsSerializer(source="queues")
    not_in_pms = NotInPmsCountSerializer(help_text="Bookings of the channel whose nights the PMS does not keep yet.")
    pause = PauseStateSerializer(allow_null=True, help_text="Null while it sends.")
