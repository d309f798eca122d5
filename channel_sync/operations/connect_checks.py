"""What can be found wrong before an invite code is spent: it works once."""

from __future__ import annotations

import re
from uuid import UUID

from django.core.checks import ERROR

from channel_sync.checks import check_settings
from channel_sync.connections.connect import require_property
from channel_sync.connections.registry import channel_class
from channel_sync.connections.secrets import require_usable_keys
from channel_sync.errors import ConfigurationError
from channel_sync.models import ChannelProperty
from channel_sync.pms import host_pms


def require_ready(
    property_id: UUID, channel_name: str, channel_property_id: str | None, *, keys_are_lost: bool = False
) -> None:
    """Settings, keys, the host's port and the wanted property of the channel. Raises `ConfigurationError`.

    Whether that property is connected already is for `moving`.
    """
    wrong = [problem for problem in check_settings() if problem.level >= ERROR]
    if wrong:
        raise ConfigurationError(f"{wrong[0].msg} Run 'manage.py check'; the invite code is not spent.")
    require_usable_keys(keys_are_lost=keys_are_lost)
    channel = channel_class(channel_name)
    require_property(property_id)
    _require_port(property_id)
    if channel_property_id is None:
        _require_no_other(property_id, channel_name)
        return
    form = channel.external_id_forms["property"]
    if not re.fullmatch(form.pattern, channel_property_id, re.ASCII):
        raise ConfigurationError(
            f"'{channel_property_id}' is no property of {channel_name}: it has to be a {form.told}."
        )


def _require_no_other(property_id: UUID, channel_name: str) -> None:
    """Which property an invite code is for shows when it is spent: with several it has to be named."""
    if ChannelProperty.objects.filter(channel_name=channel_name).exclude(property_id=property_id).exists():
        raise ConfigurationError(
            f"Another property is connected to {channel_name} already: name the one that this is to be connected to, "
            "by its number there ('channel_property_id', '--channel-property-id'). The invite code is not spent."
        )


def _require_port(property_id: UUID) -> None:
    """The port can say what everything later is asked of it: it fails here, and not in a worker at night."""
    try:
        host_pms().property_facts(property_id).today()
        host_pms().room_types(property_id)
        host_pms().rate_plans(property_id)
    except Exception as error:
        raise ConfigurationError(
            f"The PMS's port cannot describe property {property_id} ({type(error).__name__}). Check the id and the "
            "time zone of the property, or correct the port; the invite code is not spent."
        ) from error
