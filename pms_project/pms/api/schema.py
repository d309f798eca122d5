"""OpenAPI: every operation of the PMS documents how it is refused, in the shape of all refusals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from channel_sync.api.schema import EVERYWHERE, READING, WRITING, DocumentedRefusals


class PmsAutoSchema(DocumentedRefusals):
    """What `drf_spectacular` finds, and the refusals."""

    everywhere: ClassVar[Mapping[str, str]] = {**EVERYWHERE, "403": "No permission."}
    reading: ClassVar[Mapping[str, str]] = READING
    writing: ClassVar[Mapping[str, str]] = {
        **WRITING,
        "428": "The version that the change is based on is missing.",
    }
