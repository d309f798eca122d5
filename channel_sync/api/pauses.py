"""How a pause reads in the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from channel_sync.api.serializers import PropertySerializer
from channel_sync.models import ChannelProperty


class PauseStateSerializer(serializers.Serializer[Any]):
    """Since when and by whom nothing is sent, and what the channel goes on selling."""

    has_begun = serializers.BooleanField(help_text="False while its rooms are being closed first: it still sends.")
    since = serializers.DateTimeField(allow_null=True)
    by = serializers.CharField(allow_null=True)
    rooms_closed = serializers.BooleanField(help_text="Its rooms were closed at the channel.")
    closing_event_id = serializers.UUIDField(
        source="closing.id", default=None, allow_null=True, help_text="The event that is still to close its rooms."
    )
    in_words = serializers.CharField()


class PausedSerializer(PropertySerializer):
    """A property with its pause."""

    pause = serializers.SerializerMethodField()

    class Meta(PropertySerializer.Meta):
        fields = (*PropertySerializer.Meta.fields, "pause")

    @extend_schema_field(PauseStateSerializer(allow_null=True))
    def get_pause(self, channel_property: ChannelProperty) -> Any:
        """From the context: who has read it says how it stands."""
        found = self.context.get("pause")
        return None if found is None else PauseStateSerializer(found).data
