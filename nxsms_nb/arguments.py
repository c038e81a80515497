"""Arguments that a call does not take, and names that do not exist: short errors that propose what was meant."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from nxsms_nb.errors import OptionError, no_attribute
from nxsms_nb.formatting import named

_Function = TypeVar("_Function", bound=Callable[..., Any])
_Class = TypeVar("_Class", bound=type)


def near(name: str, names: Iterable[str]) -> str:
    """Suggest a similar name ("Did you mean …?"); empty if there is none.

    Examples
    --------
    >>> near("concurency", ["campaign", "concurrency"]), near("x", ["campaign"])
    ('Did you mean concurrency?', '')
    """
    folded = {one.replace("_", "").casefold(): one for one in names}
    found = difflib.get_close_matches(name.replace("_", "").casefold(), list(folded), 1, 0.7)
    return f"Did you mean {folded[found[0]]}?" if found else ""


def unknown_option(name: str, names: Iterable[str]) -> OptionError:
    """Make the error about a keyword that a call does not take."""
    names = list(names)
    takes = f"The options: {', '.join(names)}" if names else "It takes none."
    return OptionError("\n".join(filter(None, [f"{named(name)} is not an option here. {takes}", near(name, names)])))


def strict(function: _Function) -> _Function:
    """Make a function raise `OptionError`, listing its parameters, for arguments that it does not take.

    Not for a call whose result must not be lost: an interrupt may come between the function's return and this one's.
    """
    return strict_and_hidden(dict)(function)


def strict_and_hidden(hidden: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Callable[[_Function], _Function]:
    """Do as `strict` does, with keywords wrapped by `hidden`, so that no traceback shows their secrets."""

    def decorate(function: _Function) -> _Function:
        signature = inspect.signature(function)
        name = "The call" if function.__name__ == "__init__" else f"{function.__name__}()"

        @functools.wraps(function)
        def checked(*args: Any, **kwargs: Any) -> Any:
            kwargs = hidden(kwargs)
            error = misfit(signature, name, args, kwargs)
            if error is not None:
                # They may hold a secret in the wrong place.
                args, kwargs = (), {}
                raise error
            return function(*args, **kwargs)

        return checked  # type: ignore[return-value]

    return decorate


def strict_methods(*, but: Collection[str] = ()) -> Callable[[_Class], _Class]:
    """Make each public method of a class `strict`."""

    def decorate(owner: _Class) -> _Class:
        for name, function in list(vars(owner).items()):
            if inspect.isfunction(function) and not name.startswith("_") and name not in but:
                setattr(owner, name, strict(function))
        return owner

    return decorate


def misfit(
    signature: inspect.Signature, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> OptionError | None:
    """Return the error about a call's arguments; None if they fit. It shows no value."""
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        pass
    else:
        return None
    parameters = [p for p in signature.parameters.values() if p.name not in ("self", "cls")]
    own = len(signature.parameters) - len(parameters)
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    for given in kwargs:
        if given not in names:
            return unknown_option(given, names)
    by_place = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    number = len(args) - own
    if number > len(by_place):
        return _too_many(name, by_place, names, number)
    twice = [one for one in by_place[:number] if one in kwargs]
    if twice:
        return OptionError(f"{twice[0]} is given twice, by position and by name. Leave one of them out.")
    lacking = [
        p.name
        for p in parameters[max(number, 0) :]
        if p.default is p.empty and p.name in names and p.name not in kwargs
    ]
    return OptionError(f"{name} needs {', '.join(lacking)}. Give {', '.join(f'{one}=…' for one in lacking)}")


def only_by_name(function: Callable[..., Any], others: Collection[Any]) -> None:
    """Raise the error about values that a verb was given by position after those that it takes so."""
    if others:
        named_ones = [p for p in inspect.signature(function).parameters.values() if p.name != "frame"]
        by_place = [p.name for p in named_ones if p.kind is p.POSITIONAL_OR_KEYWORD]
        names = [p.name for p in named_ones]
        raise _too_many(f"{function.__name__}()", by_place, names, len(by_place) + len(others))


def _too_many(name: str, by_place: Collection[str], names: Iterable[str], number: int) -> OptionError:
    takes = f"only {', '.join(by_place)}" if by_place else "no values"
    rest = [one for one in names if one not in by_place]
    others = f" Give the others by name: {', '.join(f'{one}=…' for one in rest)}" if rest else ""
    return OptionError(f"{name} takes {takes} by position, but {number} were given.{others}")


def shown_unfinished(show: Callable[[Any], str]) -> Callable[[Any], str]:
    """Make a ``__repr__`` work on an object whose ``__init__`` raised, as tools that print a traceback's values need.

    Examples
    --------
    >>> class Account:
    ...     @shown_unfinished
    ...     def __repr__(self):
    ...         return f"Account({self.key})"
    >>> Account()
    Account(…)
    """

    @functools.wraps(show)
    def shown(self: Any) -> str:
        try:
            return show(self)
        except AttributeError:
            return f"{type(self).__name__}(…)"

    return shown


class Names:
    """A class whose `AttributeError` suggests attributes with similar names."""

    __slots__ = ()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise no_attribute(type(self).__name__, name, dir(type(self)))
