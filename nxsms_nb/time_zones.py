"""Time zones as people give them: by name, as an offset, or as objects of Python's and its libraries."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import named

_OFFSET: Final = re.compile(r"(?:UTC)?([+-])([01][0-9]|2[0-3]):([0-5][0-9])")


def time_zone(tz: Any, what: str = "a time zone's name") -> tzinfo:
    """Return the time zone that ``tz=`` gives: an IANA name, an offset such as ``+08:00``, or a tzinfo; else raise `ConfigError`.

    Examples
    --------
    >>> str(time_zone("Europe/Berlin")), str(time_zone("+08:00")), str(time_zone(ZoneInfo("Asia/Shanghai")))
    ('Europe/Berlin', 'UTC+08:00', 'Asia/Shanghai')
    """
    if isinstance(tz, tzinfo):
        return tz
    try:
        if (offset := _OFFSET.fullmatch(tz)) is not None:
            sign, hours, minutes = offset.groups()
            ahead = timedelta(hours=int(hours), minutes=int(minutes))
            return timezone(ahead if sign == "+" else -ahead)
        return ZoneInfo(tz)
    except (ZoneInfoNotFoundError, ValueError, TypeError, AttributeError, OSError):
        raise ConfigError(
            f"tz={named(tz)} is not a time zone. Give {what}, for example tz='Asia/Shanghai', tz='Europe/Berlin' or tz='UTC'."
        ) from None


def called(zone: tzinfo) -> str:
    """Return what a time zone is called, as ``tz=`` takes it wherever it has such a name.

    Examples
    --------
    >>> called(ZoneInfo("Asia/Kolkata")), called(timezone(timedelta(hours=8)))
    ('Asia/Kolkata', 'UTC+08:00')
    """
    try:
        time_zone(str(zone))
    except ConfigError:
        # dateutil's zones are called after their files.
        return zone.tzname(datetime.now(UTC).astimezone(zone)) or str(zone)
    return str(zone)
