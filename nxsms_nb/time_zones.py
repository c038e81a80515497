"""Time zones as people give them: by name, as an offset, or as objects of Python's and its libraries."""

from __future__ import annotations

import re
from datetime import timedelta, timezone, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import named

_FILE: Final = re.compile(r"tzfile\('.*/zoneinfo/(.+)'\)")
_OFFSET: Final = re.compile(r"(?:UTC)?([+-])([01][0-9]|2[0-3]):([0-5][0-9])")


def time_zone(tz: Any, what: str = "a time zone's name") -> tzinfo:
    """Return the time zone that ``tz=`` gives: an IANA name, an offset such as ``+08:00``, or a tzinfo; else raise `ConfigError`.

    Examples
    --------
    >>> str(time_zone("Europe/Berlin")), str(time_zone("+08:00")), str(time_zone(ZoneInfo("Asia/Shanghai")))
    ('Europe/Berlin', 'UTC+08:00', 'Asia/Shanghai')
    """
    if isinstance(tz, tzinfo):
        # dateutil's zones are called after their files, and pandas 2.3 cannot localise times in some of them.
        of_file = _FILE.fullmatch(str(tz))
        if of_file is None:
            return tz
        tz = of_file[1]
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
