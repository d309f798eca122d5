"""The login that a stream was begun with: it ends the stream when it ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user_model
from django.db.models import Model
from django.utils.crypto import constant_time_compare

from channel_sync.database_clock import database_now


@dataclass(frozen=True)
class Login:
    """Who logged in, and by what: a row that stands for a token, a session, or the password alone.

    `auth_hash` is what the user's password was, as sessions keep it.
    """

    user_id: Any
    auth_hash: str = field(repr=False)
    token: Model | None = None
    session_key: str | None = field(default=None, repr=False)

    def user(self) -> Any | None:
        """The user as they are now; None when they may not log in, or the password, token or session is no more."""
        user = get_user_model()._default_manager.filter(pk=self.user_id, is_active=True).first()
        if user is None or not constant_time_compare(user.get_session_auth_hash(), self.auth_hash):
            return None
        return user if self._holds() else None

    def _holds(self) -> bool:
        if self.token is not None:
            token = type(self.token)._default_manager.filter(pk=self.token.pk).first()
            expiry = getattr(token, "expiry", None)
            return token is not None and (expiry is None or expiry > database_now())
        if self.session_key is not None:
            session = import_module(settings.SESSION_ENGINE).SessionStore(self.session_key)
            return bool(session.get(SESSION_KEY) == str(self.user_id))
        return True
