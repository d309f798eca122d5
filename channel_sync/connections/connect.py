"""Connect a property of the PMS to a channel: invite code -> tokens -> property -> suggested mappings."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from channel_sync.channels.base import Channel, NewAccount
from channel_sync.channels.canonical import ChannelPropertyDetails, ChannelRoom
from channel_sync.channels.setup import Permissions
from channel_sync.conf import channel_sync_settings
from channel_sync.connections.currency import note_currency
from channel_sync.connections.one_at_a_time import connecting, taking_place
from channel_sync.connections.rate_suggestions import with_channel_prices
from channel_sync.connections.registry import channel_class, channel_of_account
from channel_sync.connections.suggestions import Suggestions, suggest_mappings
from channel_sync.errors import (
    ChannelSyncError,
    ConfigurationError,
    ConnectedElsewhere,
    RefusedByChannel,
    SecretUnreadable,
)
from channel_sync.events.store import wake
from channel_sync.models import (
    ChannelAccount,
    ChannelConnection,
    ChannelProperty,
    ChannelPropertyStatus,
    ParityReason,
    WebhookVerification,
)

logger = logging.getLogger(__name__)

WEBHOOK_SECRET_BYTES = 32

Hold = Callable[[ChannelProperty, ParityReason], None]
Displace = Callable[[str], None]


@dataclass(frozen=True)
class Connected:
    """A property that can send and receive; the secret is shown only here.

    `limits` say what the invite code does not allow, and what is therefore not there.
    """

    channel_property: ChannelProperty
    webhook_secret: str = field(repr=False)
    verification: WebhookVerification
    suggestions: Suggestions
    rooms: Sequence[ChannelRoom]
    limits: Sequence[str]


def connect_property(
    property_id: UUID,
    *,
    channel_name: str,
    invite_code: str,
    channel_property_id: str | None = None,
    verification: WebhookVerification | None = None,
    new_webhook_secret: bool = False,
    hold: Hold | None = None,
    displace: Displace | None = None,
) -> Connected:
    """Exchange the invite code and store the connection; connecting again renews the tokens.

    What waited for a login goes out then; a property that somebody has paused stays paused until it is resumed.

    The webhook secret, and the way of verification unless one is named, stay what they are, so that webhooks go on. A
    secret is made for a new connection, for one whose secret cannot be read any more, or when it is asked for: the old
    one is then still taken beside it.

    `hold` is called in the transaction that connects a new property, or another one of the channel. `displace` is
    called there before, with the id of the property at the channel, to end what it was connected to until now.

    `channel_property_id` may be left out when the account has one property. Raises `ConfigurationError` when the
    property is not named, or is connected to another one of the PMS, `RefusedByChannel` when the invite code is not
    good or allows too little, `NotYet` when somebody else connects one of both at this time.
    """
    require_property(property_id)
    with connecting(property_id, channel_name, channel_property_id):
        if channel_property_id is not None and displace is None:
            require_free(property_id, channel_name, channel_property_id)
        options = channel_sync_settings().channel_options.get(channel_name, {})
        new = channel_class(channel_name).connect(invite_code, options)
        _require_permissions(new.permissions)
        account = _save_account(channel_name, new)
        channel = channel_of_account(channel_name, account.id)
        details = _choose(channel.properties(), channel_property_id)
        place = property_id, channel_name, details.external_id
        with taking_place(channel_name, details.external_id), _taken_by_nobody(*place), transaction.atomic():
            if displace is not None:
                displace(details.external_id)
            other = connected_elsewhere(*place)
            if other is not None:
                raise ConnectedElsewhere(other, code_is_spent=True)
            channel_property, is_new = ChannelProperty.objects.select_for_update().get_or_create(
                property_id=property_id,
                channel_name=channel_name,
                defaults={"channel_property_id": details.external_id},
            )
            is_moved = channel_property.channel_property_id != details.external_id
            channel_property.channel_property_id = details.external_id
            if channel_property.status == ChannelPropertyStatus.ERROR:
                channel_property.status = ChannelPropertyStatus.ACTIVE
            channel_property.save(update_fields=["channel_property_id", "status", "updated_at"])
            if hold is not None and (is_new or is_moved):
                hold(channel_property, ParityReason.CONNECTED if is_new else ParityReason.MOVED)
            note_currency(channel_property, details.currency)
            wake(channel_property.id)
            secret, previous = _stored_secrets(channel_property)
            rotated: dict[str, object] = {}
            if secret is None or new_webhook_secret:
                secret, previous = secrets.token_urlsafe(WEBHOOK_SECRET_BYTES), secret
                rotated = {"webhook_secret_rotated_at": Now() if previous else None}
            connection, _ = ChannelConnection.objects.update_or_create(
                channel_property=channel_property,
                defaults={
                    "account": account,
                    "webhook_secret": secret,
                    "webhook_secret_previous": previous,
                    **rotated,
                    **({"webhook_verification": verification} if verification else {}),
                },
            )
    used = WebhookVerification(connection.webhook_verification)
    suggestions = _with_prices(suggest_mappings(channel_property, details.rooms), channel)
    return Connected(channel_property, secret, used, suggestions, details.rooms, new.permissions.limits)


@contextmanager
def _taken_by_nobody(property_id: UUID, channel_name: str, channel_property_id: str) -> Iterator[None]:
    """What another program writes between our look and our write is refused as if we had seen it."""
    try:
        yield
    except IntegrityError as error:
        other = connected_elsewhere(property_id, channel_name, channel_property_id)
        if other is None:
            raise
        raise ConnectedElsewhere(other, code_is_spent=True) from error


def _with_prices(suggestions: Suggestions, channel: Channel) -> Suggestions:
    """What cannot be read is not shown: the invite code is spent, and the property connected."""
    try:
        return replace(suggestions, rates=with_channel_prices(suggestions.rates, channel))
    except ChannelSyncError as error:
        logger.warning("the prices of suggested rates could not be read at the channel: %s", error)
        return suggestions


def _stored_secrets(channel_property: ChannelProperty) -> tuple[str | None, str | None]:
    """The webhook secret and the one before it; None for what is not there or cannot be read."""
    return _stored_secret(channel_property, "webhook_secret"), _stored_secret(
        channel_property, "webhook_secret_previous"
    )


def _stored_secret(channel_property: ChannelProperty, column: str) -> str | None:
    stored = ChannelConnection.objects.filter(channel_property=channel_property)
    try:
        return stored.values_list(column, flat=True).first()
    except SecretUnreadable as error:
        logger.warning("%s: %s It is replaced.", channel_property, error)
        return None


def require_property(property_id: UUID) -> None:
    """The PMS has it. Raises `ConfigurationError`."""
    if not host_properties().filter(pk=property_id).exists():
        raise no_property(property_id)


def host_properties() -> QuerySet[Any]:
    """The properties of the PMS."""
    found: QuerySet[Any] = apps.get_model(settings.CHANNEL_SYNC_PROPERTY_MODEL)._default_manager.all()
    return found


def no_property(property_id: UUID) -> ConfigurationError:
    """What is said of a property that the PMS does not have, or that who asks does not see."""
    label = settings.CHANNEL_SYNC_PROPERTY_MODEL
    return ConfigurationError(f"The PMS has no property {property_id} ({label}). Check the id.")


def connected_elsewhere(property_id: UUID, channel_name: str, channel_property_id: str) -> ChannelProperty | None:
    """The other property of the PMS that a property of the channel is connected to."""
    taken = ChannelProperty.objects.filter(channel_name=channel_name, channel_property_id=channel_property_id)
    return taken.exclude(property_id=property_id).first()


def require_free(property_id: UUID, channel_name: str, channel_property_id: str) -> None:
    """The property of the channel is not connected to another one of the PMS. Raises `ConnectedElsewhere`."""
    other = connected_elsewhere(property_id, channel_name, channel_property_id)
    if other is not None:
        raise ConnectedElsewhere(other)


def _require_permissions(found: Permissions) -> None:
    """Before the tokens take the place of better ones."""
    if found.missing:
        raise RefusedByChannel(
            f"The invite code allows too little: {', '.join(found.missing)} is missing. Nothing was changed, and the "
            "code is spent. Make another one at the channel with these scopes too.",
            status=HTTPStatus.FORBIDDEN,
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
