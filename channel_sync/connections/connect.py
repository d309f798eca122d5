"""Connect a property of the PMS to a channel: invite code -> tokens -> property -> suggested mappings."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.db import transaction

from channel_sync.channels.base import NewAccount
from channel_sync.channels.canonical import ChannelPropertyDetails
from channel_sync.conf import channel_sync_settings
from channel_sync.connections.registry import channel_class, channel_of_account
from channel_sync.errors import ConfigurationError
from channel_sync.models import (
    ChannelAccount,
    ChannelConnection,
    ChannelMapping,
    ChannelProperty,
    ChannelPropertyStatus,
    MappingType,
    WebhookVerification,
)
from channel_sync.pms import host_pms

WEBHOOK_SECRET_BYTES = 32


@dataclass(frozen=True)
class SuggestedMapping:
    """A room type and the channel room of the same name."""

    room_type_id: UUID
    room_type_name: str
    external_room_id: str


@dataclass(frozen=True)
class Connected:
    """A property that can send and receive; the secret is shown this once."""

    channel_property: ChannelProperty
    webhook_secret: str
    verification: WebhookVerification
    suggestions: Sequence[SuggestedMapping]
    unmatched_rooms: Sequence[str]


def connect_property(
    property_id: UUID,
    *,
    channel_name: str,
    invite_code: str,
    channel_property_id: str | None = None,
    verification: WebhookVerification = WebhookVerification.HEADER,
) -> Connected:
    """Exchange the invite code and store the connection; connecting again renews tokens and webhook secret.

    `channel_property_id` may be left out when the account has one property. Raises `ConfigurationError` when the
    property cannot be told, `RefusedByChannel` when the invite code is not good.
    """
    _require_property(property_id)
    options = channel_sync_settings().channel_options.get(channel_name, {})
    account = _save_account(channel_name, channel_class(channel_name).connect(invite_code, options))
    details = _choose(channel_of_account(channel_name, account.id).properties(), channel_property_id)
    secret = secrets.token_urlsafe(WEBHOOK_SECRET_BYTES)
    with transaction.atomic():
        channel_property, _ = ChannelProperty.objects.update_or_create(
            property_id=property_id,
            channel_name=channel_name,
            defaults={"channel_property_id": details.external_id, "status": ChannelPropertyStatus.ACTIVE},
        )
        ChannelConnection.objects.update_or_create(
            channel_property=channel_property,
            defaults={
                "account": account,
                "webhook_verification": verification,
                "webhook_secret": secret,
                "webhook_secret_previous": None,
            },
        )
    suggestions, unmatched = _suggest_mappings(channel_property, details)
    return Connected(channel_property, secret, verification, suggestions, unmatched)


def _require_property(property_id: UUID) -> None:
    """Before the invite code is spent."""
    model = apps.get_model(settings.CHANNEL_SYNC_PROPERTY_MODEL)
    if not model._default_manager.filter(pk=property_id).exists():
        raise ConfigurationError(f"The PMS has no property {property_id} ({model._meta.label}). Check the id.")


def accept_suggestions(connected: Connected) -> int:
    """Save the suggested mappings that do not clash with one that stands; returns how many are new."""
    return sum(
        ChannelMapping.objects.get_or_create(
            channel_property=connected.channel_property,
            mapping_type=MappingType.ROOM_TYPE,
            internal_id=suggestion.room_type_id,
            defaults={"external_id": suggestion.external_room_id},
        )[1]
        for suggestion in connected.suggestions
    )


def _save_account(channel_name: str, new: NewAccount) -> ChannelAccount:
    """Kept at once: the invite code that bought these tokens works only once."""
    account, _ = ChannelAccount.objects.update_or_create(
        channel_name=channel_name,
        external_id=new.external_id,
        defaults={
            "refresh_token": new.refresh_token,
            "access_token": new.access_token.token,
            "access_token_expires_at": new.access_token.expires_at,
        },
    )
    return account


def _choose(properties: Sequence[ChannelPropertyDetails], wanted: str | None) -> ChannelPropertyDetails:
    found = [details for details in properties if wanted is None or details.external_id == wanted]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{details.external_id} ({details.name})" for details in properties) or "none"
    raise ConfigurationError(f"Name one property of the account with --channel-property-id. The account has: {known}.")


def _suggest_mappings(
    channel_property: ChannelProperty, details: ChannelPropertyDetails
) -> tuple[list[SuggestedMapping], list[str]]:
    """Room types and channel rooms whose names are equal but for case and spaces; and the rooms without a match."""
    mapped = set(
        ChannelMapping.objects.filter(
            channel_property=channel_property, mapping_type=MappingType.ROOM_TYPE
        ).values_list("external_id", flat=True)
    )
    by_name = {_plain(room_type.name): room_type for room_type in host_pms().room_types(channel_property.property_id)}
    suggestions, unmatched = [], []
    for room in details.rooms:
        if room.external_id in mapped:
            continue
        room_type = by_name.get(_plain(room.name))
        if room_type is None:
            unmatched.append(f"{room.external_id} ({room.name})")
        else:
            suggestions.append(SuggestedMapping(room_type.id, room_type.name, room.external_id))
    return suggestions, unmatched


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())
