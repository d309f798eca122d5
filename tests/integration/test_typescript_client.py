"""A client generated from the OpenAPI document had nothing but `unknown` for much of it, and nobody had compiled one.

Its packages are installed on the way, as package-lock.json pins them; that needs Node.js with npm.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from channel_sync.models import Conflict, ConflictKind, ConflictStatus, EventStatus, Severity
from pms_project.pms.models import Reservation
from tests.factories import ChannelConnectionFactory, EventFactory, RoomTypeFactory
from tests.integration.test_openapi import document

HERE = Path(__file__).parent.parent / "typescript"
TOOLS = HERE / "node_modules" / ".bin"
LOGIN = {"username": "ada", "password": "a long enough passphrase"}
START = date.today() + timedelta(days=30)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


# Where a generated client may say `unknown`: a pattern of the line, and why.
UNKNOWN_ALLOWED = {
    r"\[name: string\]: unknown;": "the generator's words for headers that the document does not name",
    r"/\*\* @enum {unknown} \*/": "its comment on an enum of null, or of the empty string",
    r"JsonValue: .*\| unknown\[\]\).*": "lists in lists in lists in lists: TypeScript has no list of itself there",
}


def run(*command: str | Path) -> str:
    done = subprocess.run([*map(str, command)], cwd=HERE, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module", autouse=True)
def tools() -> None:
    """The compiler and the generator."""
    if TOOLS.exists():
        return
    npm = shutil.which("npm")
    assert npm is not None, "Install Node.js with npm (on Debian: apt-get install nodejs npm)."
    run(npm, "ci", "--no-audit", "--no-fund")


def generated(tmp_path: Path) -> Path:
    """The types, as the generator makes them of the document."""
    (HERE / "generated").mkdir(exist_ok=True)
    schema, types = tmp_path / "schema.json", HERE / "generated" / "api.ts"
    schema.write_text(json.dumps(document()))
    run(TOOLS / "openapi-typescript", schema, "--default-non-nullable", "false", "-o", types)
    return types


@pytest.fixture
def compiled(tmp_path: Path) -> Path:
    """The script, type-checked against the types of the document, as JavaScript."""
    generated(tmp_path)
    run(TOOLS / "tsc", "--noEmit", "false", "--outDir", HERE / "generated" / "js")
    return HERE / "generated" / "js" / "run.js"


def test_a_page_finds_fixes_resolves_and_books_once(compiled: Path, live_server: Any) -> None:
    get_user_model().objects.create_superuser(**LOGIN)
    channel_property = ChannelConnectionFactory().channel_property
    double = RoomTypeFactory(hotel=channel_property.property, units=5)
    EventFactory(channel_property=channel_property, status=EventStatus.FAILED, payload={"booking": {"id": 7}})
    Conflict.objects.create(
        channel_property=channel_property, kind=ConflictKind.DATES, severity=Severity.HIGH, subject="booking:1",
        pms_side={}, channel_side={},
    )  # fmt: skip
    wanted = {
        "internalId": str(double.id), "channelPropertyId": str(channel_property.id), "roomType": str(double.id),
        "checkIn": str(START), "checkOut": str(START + timedelta(days=2)),
    }  # fmt: skip

    said = json.loads(run("node", compiled, live_server.url, *LOGIN.values(), json.dumps(wanted)))

    assert said["detail"] == {"type": "booking.created", "keys": ["booking"]}
    assert said["failed"] == 1
    assert (said["retried"], said["resolved"]) == (EventStatus.RECEIVED, ConflictStatus.DISMISSED)
    assert {"event.retried", "conflict.resolved"} <= set(said["seen"])
    assert said["total"] == 1
    assert said["nights"] == [{"free": 4, "atChannel": None, "differs": None}] * 2
    assert said["made"] == [str(Reservation.objects.get().id)] * 2


def test_the_generated_types_leave_nothing_unknown(tmp_path: Path) -> None:
    lines = generated(tmp_path).read_text().splitlines()

    unknown = [line.strip() for line in lines if re.search(r"\bunknown\b", line)]
    # Where it is a value of ours, it stands in quotes, or is explained in a comment.
    unknown = [line for line in unknown if not line.startswith("*") and '"unknown"' not in line]
    by_pattern = {line: [one for one in UNKNOWN_ALLOWED if re.fullmatch(one, line)] for line in unknown}
    assert [line for line, patterns in by_pattern.items() if not patterns] == []
    needed = {one for patterns in by_pattern.values() for one in patterns}
    assert needed == set(UNKNOWN_ALLOWED), "an exception that nothing needs is taken out"
