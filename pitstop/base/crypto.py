"""Encryption at rest, blind indexes and one-way hashes.

AES-256-GCM under a key derived from `DATA_KEY`; a blind index is an HMAC under another derived
key, so that a phone can be looked up without being readable.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from functools import lru_cache

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pitstop.base.settings import settings

_VERSION = b"\x01"


@lru_cache(maxsize=8)
def _derive(secret: str, purpose: str) -> bytes:
    return hmac.new(secret.encode(), purpose.encode(), hashlib.sha256).digest()


def _key(purpose: str) -> bytes:
    return _derive(settings().data_key, purpose)


def encrypt(text: str) -> str:
    """Return `text` encrypted, as ASCII: version, nonce, ciphertext with tag, base64."""
    nonce = os.urandom(12)
    sealed = AESGCM(_key("encrypt")).encrypt(nonce, text.encode(), None)
    return base64.b64encode(_VERSION + nonce + sealed).decode()


def decrypt(token: str) -> str:
    """Return the text behind `encrypt`; raises `cryptography.exceptions.InvalidTag` if forged."""
    raw = base64.b64decode(token)
    return AESGCM(_key("encrypt")).decrypt(raw[1:13], raw[13:], None).decode()


def encrypt_bytes(data: bytes) -> bytes:
    """Return `data` encrypted, as bytes (attachments)."""
    nonce = os.urandom(12)
    return _VERSION + nonce + AESGCM(_key("encrypt")).encrypt(nonce, data, None)


def decrypt_bytes(sealed: bytes) -> bytes:
    """Return the bytes behind `encrypt_bytes`; raises `InvalidTag` if forged."""
    return AESGCM(_key("encrypt")).decrypt(sealed[1:13], sealed[13:], None)


def blind_index(value: str) -> str:
    """Return a keyed hash to look up an encrypted value by; normalise `value` first."""
    return hmac.new(_key("blind"), value.encode(), hashlib.sha256).hexdigest()


def fingerprint(value: str) -> str:
    """Return a SHA-256 hex digest, for tokens and request bodies kept only to compare."""
    return hashlib.sha256(value.encode()).hexdigest()
