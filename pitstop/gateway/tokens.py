"""Who an owner is: the JWT that the brand's own app signs in with."""

from __future__ import annotations

import re
import time

import jwt

from pitstop.base.settings import Settings

CLOCK_SKEW = 30  # seconds that the issuer's clock may differ from ours

# Customer ids are the issuer's; what no column or log line can take is refused.
_SUBJECT = re.compile(r"[^\s\x00-\x1f\x7f]{1,40}")


class BadToken(Exception):
    """The token proves nothing; the message says why, for the log."""


class OwnerTokens:
    """Reads owner tokens. The configured key fixes the algorithm; the token's header never does.

    `sub` and `exp` are required; `iss` and `aud` are ignored (one issuer, by its key). Times are
    compared with the real clock: a demo that plays next month does not sign anybody out.
    """

    def __init__(self, settings: Settings) -> None:
        if settings.owner_jwt_public_key:
            self._algorithm = "RS256"
            # A PEM in an environment file often has its line ends written out.
            self._key = settings.owner_jwt_public_key.replace("\\n", "\n")
        else:
            self._algorithm = "HS256"
            self._key = settings.owner_jwt_secret or ""
        if not self._key:
            raise ValueError("neither OWNER_JWT_SECRET nor OWNER_JWT_PUBLIC_KEY is set")

    @property
    def can_issue(self) -> bool:
        """Say whether this side holds a key that signs (HS256)."""
        return self._algorithm == "HS256"

    def subject(self, token: str) -> str:
        """Return the customer id of a valid token; raises `BadToken`."""
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[self._algorithm],
                leeway=CLOCK_SKEW,
                options={
                    "require": ["exp", "sub"],
                    "verify_aud": False,
                    "verify_iss": False,
                },
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise BadToken(type(error).__name__) from error
        subject = claims["sub"]
        if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject):
            raise BadToken("unusable sub")
        return subject

    def issue(self, subject: str, *, seconds: int) -> str:
        """Sign a token for the demo's owner picker; raises `BadToken` without a secret."""
        if not self.can_issue:
            raise BadToken("only a public key is configured")
        claims = {"sub": subject, "exp": int(time.time()) + seconds}
        return jwt.encode(claims, self._key, algorithm=self._algorithm)
