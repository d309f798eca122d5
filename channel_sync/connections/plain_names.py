"""Names as they are compared between the PMS and a channel."""

from __future__ import annotations


def plain(name: str) -> str:
    """Without differences of case and spaces."""
    return " ".join(name.casefold().split())
