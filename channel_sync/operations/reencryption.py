"""Encrypt stored tokens and webhook secrets with the present keys, so that older keys can be taken away.

Row by row, with no lock between reading and writing: a value is replaced only while it is the one that was read. A
token that a worker refreshes meanwhile stays, and is looked at once more. What is done stays done: a run that was
stopped is started again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography.fernet import InvalidToken
from django.db.models import F, TextField, Value
from django.db.models.functions import Cast

from channel_sync.models import AuditAction
from channel_sync.models.encryption_keys import opening_keys, sealing_key
from channel_sync.models.sealed_values import SealedValue, count_sealed, sealed_value, sealed_values
from channel_sync.operations.audit import note

Progress = Callable[[int], None]
# A value that changes as often while it is looked at is written by a worker that is at it: `count_old` sees it.
TRIES = 5


@dataclass(frozen=True)
class Reencrypted:
    """How many values there are, how many were encrypted anew, and which no key decrypts; `old` are left as they were.

    Older keys are needed until `old` is 0.
    """

    values: int
    reencrypted: int
    old: int
    unreadable: Sequence[str]


def look_at_keys(progress: Progress = lambda done: None) -> Reencrypted:
    """Count what is still under an older key; nothing is written."""
    return _work(_count, progress)


def reencrypt(*, by: str, progress: Progress = lambda done: None) -> Reencrypted:
    """Encrypt everything with the first SECRET_KEY and SALT_KEY that is under an older one. It is audited."""
    done = _work(_reencrypt, progress)
    note(
        by, AuditAction.SECRETS_REENCRYPTED, "secrets",
        values=done.values, reencrypted=done.reencrypted, old=done.old, unreadable=list(done.unreadable),
    )  # fmt: skip
    return done


def how_many() -> int:
    """Values that a run looks at."""
    return count_sealed()


class _Tally:
    """What one run has seen."""

    def __init__(self) -> None:
        self.values = self.reencrypted = self.old = 0
        self.unreadable: list[str] = []


def _work(act: Callable[[SealedValue, _Tally], None], progress: Progress) -> Reencrypted:
    tally = _Tally()
    for value in sealed_values():
        tally.values += 1
        act(value, tally)
        progress(1)
    return Reencrypted(tally.values, tally.reencrypted, tally.old, tuple(tally.unreadable))


def _count(value: SealedValue, tally: _Tally) -> None:
    if _is_current(value):
        return
    if value.unreadable is not None:
        tally.unreadable.append(value.where)
    else:
        tally.old += 1


def _reencrypt(value: SealedValue, tally: _Tally) -> None:
    found: SealedValue | None = value
    for _ in range(TRIES):
        if found is None or _is_current(found):
            # Gone, or a worker with the present keys has written it.
            return
        if found.unreadable is not None:
            tally.unreadable.append(found.where)
            return
        if _replace(found):
            tally.reencrypted += 1
            return
        found = sealed_value(found)
    tally.old += 1


def _is_current(value: SealedValue) -> bool:
    try:
        sealing_key().decrypt(value.ciphertext.encode())
    except (InvalidToken, UnicodeError):
        return False
    return True


def _replace(value: SealedValue) -> bool:
    """One short statement; false where the value is another by now."""
    secret = opening_keys().decrypt(value.ciphertext.encode())
    sealed = sealing_key().encrypt(secret).decode()
    unchanged = value.model._default_manager.annotate(sealed=Cast(F(value.column), TextField())).filter(
        pk=value.row_id, sealed=value.ciphertext
    )
    return bool(unchanged.update(**{value.column: Value(sealed, output_field=TextField())}))
