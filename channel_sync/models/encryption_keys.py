"""The keys that encrypt secrets at rest: one of each SECRET_KEY with each SALT_KEY, the present ones first."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import lru_cache

from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

# Those of django-fernet-encrypted-fields, which wrote the rows that are there.
ITERATIONS = 100_000
KEY_BYTES = 32


def sealing_key() -> Fernet:
    """The key that encrypts: the first SECRET_KEY with the first SALT_KEY. Raises `ImproperlyConfigured`."""
    return _fernet(_secret_keys()[0], _salts()[0])


def opening_keys() -> MultiFernet:
    """Every key that decrypts, SECRET_KEY_FALLBACKS and further SALT_KEYs included. Raises `ImproperlyConfigured`."""
    return _fernets(tuple(_secret_keys()), tuple(_salts()))


def require_keys() -> None:
    """The settings have what keys are derived of; derives none. Raises `ImproperlyConfigured`."""
    _secret_keys()
    _salts()


def _secret_keys() -> Sequence[str]:
    return _texts("SECRET_KEY", [settings.SECRET_KEY, *getattr(settings, "SECRET_KEY_FALLBACKS", ())])


def _salts() -> Sequence[str]:
    salts = getattr(settings, "SALT_KEY", None)
    return _texts("SALT_KEY", salts if isinstance(salts, list | tuple) else [salts])


def _texts(name: str, found: Sequence[object]) -> Sequence[str]:
    texts = [one for one in found if isinstance(one, str) and one]
    if not texts or len(texts) != len(found):
        raise ImproperlyConfigured(f"settings.{name} has to be a text that is not empty, and the older ones too.")
    return texts


@lru_cache(maxsize=16)
def _fernets(secret_keys: tuple[str, ...], salts: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([_fernet(secret_key, salt) for secret_key in secret_keys for salt in salts])


# Deriving a key takes tens of milliseconds, for every process and not for every column.
@lru_cache(maxsize=64)
def _fernet(secret_key: str, salt: str) -> Fernet:
    kdf = PBKDF2HMAC(algorithm=SHA256(), length=KEY_BYTES, salt=salt.encode(), iterations=ITERATIONS)
    return Fernet(base64.urlsafe_b64encode(kdf.derive(secret_key.encode())))
