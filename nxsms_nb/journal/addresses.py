"""The address of a PostgreSQL database, as a person gives it and, without its password, as it is shown."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote, urlsplit

from nxsms_nb.formatting import is_secret_option, without_password

_SCHEME: Final = re.compile(r"postgres(ql)?://", re.IGNORECASE)
_HIDDEN: Final = "***"


def is_address(text: str) -> bool:
    """Return whether a text is the URL of a PostgreSQL database.

    Examples
    --------
    >>> is_address("postgresql://db/sms"), is_address("mysql://db/sms"), is_address("sms.sqlite3")
    (True, False, False)
    """
    return _SCHEME.match(text) is not None


class Address:
    """The URL of a database. Its password is part of `url` alone, which is for the driver."""

    __slots__ = ("shown", "url")

    def __init__(self, url: str) -> None:
        # libpq knows the scheme in small letters only.
        self.url = _SCHEME.sub(lambda scheme: scheme[0].lower(), url.strip(), count=1)
        self.shown = without_password(self.url)

    @property
    def unclear(self) -> bool:
        """Whether it is unclear where the password ends, so that the driver's messages may quote a part of it."""
        return self.shown.endswith("://…")

    @property
    def names_schema(self) -> bool:
        """Whether the URL names the journal's schema, instead of leaving it to the role's search path."""
        return "search_path" in unquote(self.url)

    def __repr__(self) -> str:
        return f"Address({self.shown!r})"

    def __reduce__(self) -> str:
        raise TypeError("an address may have a password, and is not pickled")

    def masked(self, text: str) -> str:
        """Mask the password, in either spelling, in a text of the driver's."""
        try:
            parts = urlsplit(self.url)
            given = [parts.password or "", *(value for _, _, value in _secrets(parts.query))]
        except ValueError:
            given = []
        for secret in sorted({*given, *map(unquote, given)} - {""}, key=len, reverse=True):
            text = text.replace(secret, _HIDDEN)
        return text.replace(self.url, self.shown)


def _secrets(query: str) -> list[tuple[str, str, str]]:
    return [one.partition("=") for one in query.split("&") if is_secret_option(one)]
