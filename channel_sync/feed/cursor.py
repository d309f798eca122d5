"""What callers are given for a position: it says nothing of how much happens at properties that they do not see.

A block of AES of the position, so that the same place is always the same text; one made up is refused.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from hashlib import sha256

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from django.conf import settings

from channel_sync.errors import InvalidCursor

BEGIN = "0"
LENGTH = 22
# The first half of the block: what opens to something else was not sealed here.
MARK = b"cs feed\x00"


def sealed(position: int) -> str:
    """The cursor of a position."""
    if not position:
        return BEGIN
    encryptor = next(_ciphers()).encryptor()
    block = encryptor.update(MARK + position.to_bytes(8, "big")) + encryptor.finalize()
    return base64.urlsafe_b64encode(block).decode().rstrip("=")


def opened(cursor: str) -> int:
    """The position of a cursor; `0` is before everything. Raises `InvalidCursor`."""
    if cursor == BEGIN:
        return 0
    if len(cursor) != LENGTH or not cursor.isascii():
        raise InvalidCursor(cursor)
    try:
        block = base64.b64decode(cursor + "==", altchars=b"-_", validate=True)
    except binascii.Error:
        raise InvalidCursor(cursor) from None
    for cipher in _ciphers():
        decryptor = cipher.decryptor()
        plain = decryptor.update(block) + decryptor.finalize()
        if plain.startswith(MARK):
            return int.from_bytes(plain[len(MARK) :], "big")
    raise InvalidCursor(cursor)


def _ciphers() -> Iterator[Cipher[ECB]]:
    """By the key of now, and those before it."""
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        key = sha256(b"channel_sync feed cursor " + str(secret).encode()).digest()[:16]
        yield Cipher(AES(key), ECB())  # noqa: S305 - a single block, never two of one text
