"""Why something failed, for people: kept, alerted and logged, so it names no guest."""

from __future__ import annotations

import traceback

from django.db import InternalError, ProgrammingError

from channel_sync.errors import ChannelSyncError

LONGEST_REASON = 500


def reason_of(error: Exception) -> str:
    """Class and text of our own errors and those about tables; of others the class, as their text may quote a row."""
    if not isinstance(error, ChannelSyncError | ProgrammingError | InternalError):
        return type(error).__name__
    # The lines that PostgreSQL adds quote the statement.
    text, _, _ = str(error).partition("\n")
    return f"{type(error).__name__}: {text}"[:LONGEST_REASON]


def place_of(error: Exception) -> str:
    """The places in the code that an error went through, the innermost last; neither its text nor any value."""
    frames = traceback.extract_tb(error.__traceback__)
    return "\n".join(f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)
