"""Danger: events are put out of the way by the command, and nobody can say why afterwards."""

from __future__ import annotations

from io import StringIO
from unittest.mock import patch

import pytest
from django.core.management import CommandError, call_command

from channel_sync.models import AuditEntry, ChannelEvent, EventStatus
from tests.factories import EventFactory

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    output = StringIO()
    with patch("builtins.input", side_effect=AssertionError("it asked before it refused")):
        call_command("channel_sync_replay", *arguments, stdout=output, stderr=StringIO())
    return output.getvalue().strip()


@pytest.mark.parametrize("reason", ["", "   ", "\t\n"])
@pytest.mark.parametrize("more", [["--yes"], ["--yes", "--json"], ["--dry-run"], []])
def test_ignoring_without_a_reason_is_refused_and_does_nothing(reason: str, more: list[str]) -> None:
    event = EventFactory(status=EventStatus.FAILED)

    for arguments in ([], [str(event.id)]):
        with pytest.raises(CommandError, match="reason"):
            run(*arguments, "--ignore", reason, *more)

    assert ChannelEvent.objects.get().status == EventStatus.FAILED
    assert not AuditEntry.objects.exists()


def test_ignoring_with_a_reason_keeps_it_without_the_blanks_around_it() -> None:
    EventFactory(status=EventStatus.FAILED)

    assert run("--ignore", "  a test booking ", "--yes") == "1 of 1 events ignored."

    assert str(ChannelEvent.objects.get().last_error).endswith(": a test booking")
