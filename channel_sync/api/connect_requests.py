"""Connecting a property and its webhook: the bodies that the admin API takes, and the answers to them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from rest_framework import serializers

from channel_sync.api.known_keys import StrictSerializer
from channel_sync.api.requests import (
    ChannelRoomSerializer,
    RateSuggestionSerializer,
    SuggestionSerializer,
)
from channel_sync.models import WebhookVerification
from channel_sync.operations.moving import AfterMove
from channel_sync.operations.setup_report import WebhookStanding


class ConnectSerializer(StrictSerializer):
    """A property to connect."""

    property_id = serializers.UUIDField(help_text=f"Id in the PMS ({settings.CHANNEL_SYNC_PROPERTY_MODEL}).")
    channel_name = serializers.CharField(max_length=50, default="beds24")
    invite_code = serializers.CharField(max_length=500, help_text="From the channel's account settings; works once.")
    channel_property_id = serializers.CharField(
        max_length=255, required=False, help_text="Needed when the account has several properties."
    )
    verification = serializers.ChoiceField(
        choices=WebhookVerification.choices, required=False, help_text="As before when left out; header when new."
    )
    new_webhook_secret = serializers.BooleanField(
        default=False, help_text="Make a new one when connecting again; the old one is still taken beside it."
    )
    set_webhook = serializers.BooleanField(
        default=False,
        help_text="Set the webhook at the channel: address, version, secret, no data of cards. What is set for others "
        "stays.",
    )
    webhook_url = serializers.URLField(
        max_length=500, required=False, help_text="Public address of the webhook, unless it is that of this request."
    )
    accept_suggestions = serializers.BooleanField(default=False, help_text="Save the suggested mappings.")
    first_sync = serializers.BooleanField(
        default=False,
        help_text="Compare both sides at once. Its bookings come in and its calendar goes out once the report is clean "
        "or accepted.",
    )
    after_move = serializers.ChoiceField(
        choices=[one.value for one in AfterMove],
        required=False,
        help_text="Where it is connected to another property of the channel now: its mappings and links are kept, and "
        "hold for the new one, or retired. 409 without it, and nothing is spent.",
    )
    close_old_rooms = serializers.BooleanField(
        default=False, help_text="Close the rooms first at the property that it leaves."
    )
    take_over = serializers.BooleanField(
        default=False,
        help_text="Where another property of the PMS is connected to it, end that connection. 409 without it, and "
        "nothing is spent.",
    )
    keys_are_lost = serializers.BooleanField(
        default=False, help_text="It is no mistake that the keys decrypt nothing that is stored: replace it."
    )


class SetupSerializer(serializers.Serializer[Any]):
    """How the property is set up at the channel, in sentences."""

    webhook = serializers.ChoiceField(choices=[standing.value for standing in WebhookStanding])
    left_to_do = serializers.ListField(child=serializers.CharField())
    differences = serializers.ListField(child=serializers.CharField())
    warnings = serializers.ListField(child=serializers.CharField())


class WebhookActionSerializer(StrictSerializer):
    """What to do with a webhook; with neither it is only looked at."""

    set_webhook = serializers.BooleanField(default=False, help_text="Set it at the channel.")
    rotate = serializers.BooleanField(
        default=False, help_text="Make a new secret; the old one is taken until a webhook has brought the new one."
    )
    webhook_url = serializers.URLField(
        max_length=500, required=False, help_text="Public address of the webhook, unless it is that of this request."
    )


class WebhookSerializer(serializers.Serializer[Any]):
    """How a webhook is set up; a secret only when it was made a moment ago."""

    webhook_url = serializers.CharField()
    webhook_header = serializers.CharField()
    webhook_secret = serializers.CharField(allow_null=True)
    setup = SetupSerializer()


class ConnectedSerializer(serializers.Serializer[Any]):
    """What has to be entered at the channel, and how it is set up; the secret is shown only here."""

    channel_property_id = serializers.UUIDField()
    external_property_id = serializers.CharField()
    webhook_path = serializers.CharField()
    webhook_verification = serializers.ChoiceField(choices=WebhookVerification.choices)
    webhook_header = serializers.CharField()
    webhook_secret = serializers.CharField()
    webhook_url = serializers.CharField()
    setup = SetupSerializer()
    mappings_saved = serializers.IntegerField()
    first_sync_queued = serializers.BooleanField()
    suggestions = SuggestionSerializer(many=True)
    rate_suggestions = RateSuggestionSerializer(many=True)
    unmatched_rooms = ChannelRoomSerializer(many=True)
