"""The diagram of an event's life in the docs is the table that the store goes by."""

import re
from pathlib import Path

from channel_sync.events.transitions import TRANSITIONS
from channel_sync.models import EventStatus

ROOT = Path(__file__).parents[2]
ARCHITECTURE = ROOT / "docs" / "architecture.md"
WRITES_A_STATUS = re.compile(
    r"UPDATE channel_events\b|\.update\([^)]*\bstatus=EventStatus|\.status = EventStatus|bulk_update\([^)]*\bstatus\b"
)
ARROW = re.compile(r"^    (\w+) --> (\w+): ([a-z, ]+)$", re.MULTILINE)


def drawn() -> set[tuple[str, str, str]]:
    (diagram,) = re.findall(r"```mermaid\nstateDiagram-v2\n(.*?)```", ARCHITECTURE.read_text(), re.DOTALL)
    return {
        (source, target, verb)
        for source, target, verbs in ARROW.findall(diagram)
        for verb in verbs.split(", ")
        if verb != "record"
    }


def test_the_docs_draw_every_transition_and_no_other() -> None:
    allowed = {
        (source.value, transition.target.value, verb.value)
        for verb, transition in TRANSITIONS.items()
        for source in transition.sources
    }

    assert drawn() == allowed


def test_every_status_can_be_left_by_somebody() -> None:
    left = {source for transition in TRANSITIONS.values() for source in transition.sources}

    assert left == set(EventStatus)


def test_one_module_writes_what_becomes_of_an_event() -> None:
    modules = [path for path in (ROOT / "channel_sync").rglob("*.py") if "migrations" not in path.parts]

    writing = [str(path.relative_to(ROOT)) for path in modules if WRITES_A_STATUS.search(path.read_text())]

    assert writing == ["channel_sync/events/store.py"]
