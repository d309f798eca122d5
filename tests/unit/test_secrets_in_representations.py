"""Tokens, codes and webhook secrets are in no `repr` and in no error, chained ones included."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from channel_sync.channels.base import ChannelCredentials, NewAccount
from channel_sync.channels.beds24.auth import Authenticator
from channel_sync.channels.beds24.channel import Beds24Channel
from channel_sync.channels.beds24.client import Client
from channel_sync.channels.beds24.transport import Answer, Beds24Options, Transport
from channel_sync.channels.canonical import AccessToken, Credits
from channel_sync.errors import ChannelSyncError
from channel_sync.operations.properties import NewConnection
from tests.memory_tokens import MemoryTokens

SECRET = "5ecret-t0ken"
NOBODY = "http://127.0.0.1:9"

TOKEN = AccessToken(token=SECRET, expires_at=datetime(2999, 1, 1, tzinfo=UTC))
OPTIONS = Beds24Options(base_url=NOBODY, organization=SECRET, connect_timeout=1)
TRANSPORT = Transport(OPTIONS)
AUTHENTICATOR = Authenticator(TRANSPORT, MemoryTokens(SECRET, TOKEN))


@pytest.mark.parametrize(
    "holder",
    [
        TOKEN,
        OPTIONS,
        TRANSPORT,
        AUTHENTICATOR,
        Client(TRANSPORT, AUTHENTICATOR),
        NewAccount("77", SECRET, TOKEN),
        ChannelCredentials(MemoryTokens(SECRET, TOKEN), options={"organization": SECRET}),
        NewConnection(uuid4(), "beds24", SECRET),
        Answer({"token": SECRET}, Credits()),
    ],
    ids=lambda holder: type(holder).__name__,
)
def test_no_representation_shows_a_secret(holder: Any) -> None:
    assert SECRET not in repr(holder)
    assert SECRET not in str(holder)


@pytest.mark.parametrize("token", [SECRET, f"{SECRET}\r\nX-Other: 1", f"{SECRET} é渡"])
def test_no_error_of_a_call_shows_a_secret(token: str) -> None:
    with pytest.raises(ChannelSyncError) as raised:
        TRANSPORT.call("GET", "/bookings", headers={"token": token})
    assert SECRET not in "".join(traceback.format_exception(raised.value))
    error: BaseException | None = raised.value
    while error is not None and not error.__suppress_context__:
        assert SECRET not in repr(error)
        assert SECRET not in repr(vars(error))
        error = error.__cause__ or error.__context__


def test_options_that_are_wrong_are_named_without_their_values() -> None:
    with pytest.raises(ValueError, match="organisation") as raised:
        Beds24Channel.is_reachable({"organisation": SECRET}, timeout=1)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("name", ["", "two words\n", "é"])
def test_an_organization_that_no_header_can_hold_is_refused_with_the_settings(name: str) -> None:
    with pytest.raises(ValueError, match="organization"):
        Beds24Options(organization=name)
