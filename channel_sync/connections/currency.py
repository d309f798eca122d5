"""The currency of a property on both sides: amounts are neither sent nor compared where it is not the same.

A channel's calendar and most of its bookings name no currency: they are in that of the property. It is kept in
`ChannelProperty.currency` as it was last seen, and blank where the channel does not say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from channel_sync.channels.base import Channel
from channel_sync.conflicts import close_gone, flag_conflict
from channel_sync.models import ChannelProperty, Conflict, ConflictKind, ConflictStatus, Severity
from channel_sync.pms import host_pms

CODE = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True)
class Currencies:
    """ISO codes in capitals; blank where a side does not say."""

    pms: str
    channel: str

    @property
    def differ(self) -> bool:
        """Whether both are known, and not the same."""
        return are_different(self.pms, self.channel)

    def __str__(self) -> str:
        return f"{self.channel or 'unknown'} at the channel, {self.pms or 'unknown'} in the PMS"


def are_different(one: str, other: str) -> bool:
    """Whether both name a currency, and not the same one."""
    return bool(one and other) and one.strip().upper() != other.strip().upper()


def known_currencies(channel_property: ChannelProperty) -> Currencies:
    """As they were last seen; asks the channel nothing."""
    return Currencies(
        _code(host_pms().property_facts(channel_property.property_id).currency), channel_property.currency
    )


def ask_currencies(channel_property: ChannelProperty, channel: Channel) -> Currencies:
    """As they are now; one call. What the channel does not say stays what it was."""
    setup = channel.setup_of(channel_property.channel_property_id)
    if setup is not None:
        note_currency(channel_property, setup.currency)
    return known_currencies(channel_property)


def note_currency(channel_property: ChannelProperty, currency: str) -> None:
    """Keep what the channel says; what is no code of a currency says nothing."""
    code = _code(currency)
    if code and code != channel_property.currency:
        channel_property.currency = code
        ChannelProperty.objects.filter(id=channel_property.id).update(currency=code)


def flag_currencies(channel_property: ChannelProperty, found: Currencies) -> bool:
    """One conflict per property; False when a person has dismissed this very difference."""
    return flag_conflict(
        channel_property,
        ConflictKind.CURRENCY,
        Severity.HIGH,
        _subject(channel_property),
        pms_side={"currency": found.pms},
        channel_side={"currency": found.channel},
    )


def close_currencies(channel_property: ChannelProperty) -> bool:
    """The currencies agree: close the conflict, a dismissed one too; whether there was any.

    Prices that changed while they differed have not been sent then.
    """
    known = Conflict.objects.filter(
        channel_property=channel_property, kind=ConflictKind.CURRENCY, subject=_subject(channel_property)
    )
    return bool(close_gone(known, among=(ConflictStatus.OPEN, ConflictStatus.DISMISSED)))


def _subject(channel_property: ChannelProperty) -> str:
    return f"property:{channel_property.channel_property_id}"


def _code(currency: str) -> str:
    code = currency.strip().upper()
    return code if CODE.fullmatch(code) else ""
