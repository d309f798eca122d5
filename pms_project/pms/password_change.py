"""What ends with a password: the tokens that it was exchanged for. Sessions end by themselves."""

from __future__ import annotations

from typing import Any

from knox.models import AuthToken


class EndsTokens:
    """A password validator that asks nothing: Django calls `password_changed` once a new password is stored.

    A password that is only hashed anew, as a login does, is none.
    """

    def validate(self, password: str, user: Any = None) -> None:
        """Any password will do."""

    def get_help_text(self) -> str:
        """Nothing to say where a password is chosen."""
        return ""

    def password_changed(self, password: str, user: Any = None) -> None:
        """End all tokens of the user."""
        if user is not None and user.pk is not None:
            AuthToken.objects.filter(user=user.pk).delete()
