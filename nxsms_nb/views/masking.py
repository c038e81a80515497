"""Phone numbers where a person looks: masked, unless the session's options say otherwise."""

from __future__ import annotations

from nxsms_nb import formatting
from nxsms_nb.settings import options

__all__ = ["name", "numbers", "phone"]


def phone(value: object) -> str:
    """Show a phone number.

    Examples
    --------
    >>> phone("8615088888888")
    '861••••••••88'
    """
    return formatting.mask_phone(value) if options.mask_phones else str(value)


def numbers(text: str) -> str:
    """Show a text that may hold somebody's number: nine digits or more, however spaced.

    Examples
    --------
    >>> numbers("call +86 150-8888-8888, code 1234")
    'call +86••••••••••••88, code 1234'
    """
    return formatting.mask_numbers(text) if options.mask_phones else text


def name(text: str) -> str:
    """Show a name that may be somebody's number: seven digits or more, except dates.

    Examples
    --------
    >>> name("spring"), name("15088888888")
    ('spring', '150••••••88')
    """
    return formatting.mask_name(text) if options.mask_phones else text
