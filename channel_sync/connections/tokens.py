"""The tokens of an account in the database, shared by all workers."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import timedelta
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from channel_sync.channels.canonical import AccessToken
from channel_sync.database_lock import session_lock
from channel_sync.models import ChannelAccount

REFRESH_WAIT = timedelta(seconds=30)


class DatabaseTokenStore:
    """Implements `channels.base.TokenStore`: every look reads the row, every refresh holds the account's lock.

    Reading raises `SecretUnreadable`.
    """

    def __init__(self, account_id: UUID) -> None:
        self._account_id = account_id

    def refresh_token(self) -> str:
        """The refresh token, decrypted."""
        return str(self._stored().values_list("refresh_token", flat=True).get())

    def access_token(self) -> AccessToken | None:
        """The stored access token, decrypted; None when there is none."""
        token, expires_at = self._stored().values_list("access_token", "access_token_expires_at").get()
        if not token or expires_at is None:
            return None
        return AccessToken(token=token, expires_at=expires_at)

    def save_access_token(self, token: AccessToken) -> None:
        """Store a token for every worker."""
        self._stored().update(
            access_token=token.token, access_token_expires_at=token.expires_at, updated_at=timezone.now()
        )

    def refreshing(self) -> AbstractContextManager[object]:
        """One refresher at a time."""
        return session_lock("token refresh", self._account_id, wait=REFRESH_WAIT)

    def _stored(self) -> QuerySet[ChannelAccount]:
        return ChannelAccount.objects.filter(id=self._account_id)
