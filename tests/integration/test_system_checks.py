"""A wrong setting is told at start-up, with what to do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings

from channel_sync.checks import check_settings
from channel_sync.conf import ChannelSyncSettings

SETTINGS_PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"


def ids() -> list[str]:
    return [str(problem.id) for problem in check_settings()]


def test_the_settings_of_the_host_are_sound() -> None:
    assert ids() == []


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"max_attempts": 0}, "max_attempts"),
        ({"max_attempts": "three"}, "max_attempts"),
        ({"retry_delays": []}, "retry_delays"),
        ({"queue_type": "stream"}, "queue_type"),
        ({"relay_interval": 0.5}, "relay_interval"),
        ({"max_atempts": 3}, "max_atempts"),
    ],
)
def test_a_wrong_option_is_named(settings: LazySettings, change: dict[str, Any], key: str) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, **change}

    (problem,) = check_settings()

    assert problem.id == "channel_sync.E001"
    assert f"CHANNEL_SYNC['{key}']" in problem.msg


@pytest.mark.parametrize("model", ["pms.Nothing", "nothing", None])
def test_a_host_model_that_does_not_exist_is_named(settings: LazySettings, model: str | None) -> None:
    settings.CHANNEL_SYNC_ROOM_TYPE_MODEL = model

    (problem,) = check_settings()

    assert problem.id == "channel_sync.E002"
    assert "CHANNEL_SYNC_ROOM_TYPE_MODEL" in problem.msg


def test_a_host_model_needs_a_uuid(settings: LazySettings) -> None:
    settings.CHANNEL_SYNC_ROOM_TYPE_MODEL = "auth.User"

    assert ids() == ["channel_sync.E004"]


def test_a_class_that_cannot_be_imported_is_named(settings: LazySettings) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "pms": "nowhere.Pms"}

    assert ids() == ["channel_sync.E003"]


def test_every_option_is_described_in_the_docs_and_no_other() -> None:
    documented = re.findall(r"^\| `(\w+)` \| (.*) \| .* \|$", SETTINGS_PAGE.read_text(), re.MULTILINE)

    assert dict(documented) == {name: field.description for name, field in ChannelSyncSettings.model_fields.items()}
