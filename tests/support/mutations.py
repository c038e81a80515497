"""Replies with random faults, read by the client and by a plain reader that shares no code with it.

``python -m tests.support.mutations`` prints a table. Whatever the client reads, the plain reader must read too: the client may
understand less, never more and never something else.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from typing import Any

from nxsms_nb.wire import codes
from nxsms_nb.wire.replies import Ids, NotUnderstood, parse

TEXTS = [code.text for code in codes.TABLE.values() if code.number]
CODES = [*codes.TABLE, 4711]


# ---------------------------------------------------------------------- the plain reader


class _Refused(Exception):
    """The text is not JSON, or names a member twice."""


_BLANKS = re.compile(r"[ \t\r\n]*")
_TOKEN = re.compile(
    r'(?P<mark>[{}\[\],:])|"(?P<text>(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*)"'
    r"|(?P<number>-?(?:0|[1-9][0-9]*)(?P<fraction>(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?))|(?P<word>true|false|null)"
)
_ESCAPE = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\.", re.DOTALL)
_WORDS = {"true": True, "false": False, "null": None}
_SHORT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def _unescaped(match: re.Match[str]) -> str:
    escape = match.group()
    if len(escape) == 2:
        return _SHORT.get(escape[1], escape[1])
    units = [int(escape[at + 2 : at + 6], 16) for at in range(0, len(escape), 6)]
    if len(units) == 2:
        return chr(0x10000 + ((units[0] - 0xD800) << 10) + units[1] - 0xDC00)
    if 0xD800 <= units[0] < 0xE000:
        raise _Refused
    return chr(units[0])


def _tokens(text: str) -> list[tuple[str, Any]]:
    tokens: list[tuple[str, Any]] = []
    at = _BLANKS.match(text).end()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _Refused
        if mark := match["mark"]:
            tokens.append((mark, None))
        elif (string := match["text"]) is not None:
            tokens.append(("value", _ESCAPE.sub(_unescaped, string) if "\\" in string else string))
        elif (number := match["number"]) is not None:
            tokens.append(("value", float(number) if match["fraction"] else int(number)))
        else:
            tokens.append(("value", _WORDS[match["word"]]))
        at = _BLANKS.match(text, match.end()).end()
    return [*tokens, ("end", None)]


def plain_json(raw: bytes) -> Any:
    """Parse JSON without recursion; an object with a member named twice is refused."""
    try:
        tokens = iter(_tokens(raw.decode("utf-8")))
    except ValueError as error:
        raise _Refused from error
    open_values: list[Any] = []
    names: list[str | None] = []
    kind, value = next(tokens)
    while True:
        if kind in ("{", "["):
            open_values.append({} if kind == "{" else [])
            kind, value = next(tokens)
            if kind != ("}" if isinstance(open_values[-1], dict) else "]"):
                if isinstance(open_values[-1], dict):
                    kind, value = _named(kind, value, names, open_values[-1], tokens)
                else:
                    names.append(None)
                continue
            done = open_values.pop()
        elif kind == "value":
            done = value
        else:
            raise _Refused
        while open_values:
            holder, name = open_values[-1], names.pop()
            if isinstance(holder, dict):
                holder[name] = done
            else:
                holder.append(done)
            kind, value = next(tokens)
            if kind == ",":
                kind, value = next(tokens)
                if isinstance(holder, dict):
                    kind, value = _named(kind, value, names, holder, tokens)
                else:
                    names.append(None)
                break
            if kind != ("}" if isinstance(holder, dict) else "]"):
                raise _Refused
            done = open_values.pop()
        else:
            if next(tokens)[0] != "end":
                raise _Refused
            return done


def _named(kind: str, value: Any, names: list[str | None], holder: dict[str, Any], tokens: Any) -> tuple[str, Any]:
    if kind != "value" or not isinstance(value, str) or value in holder or next(tokens)[0] != ":":
        raise _Refused
    names.append(value)
    return next(tokens)


Reading = tuple[int, list[Any] | None] | None
"""The code and, for each id, "Success", a tuple of "Failure" and its text, or None; the whole is None where in doubt."""


def plainly(raw: bytes, ids: list[str]) -> Reading:
    """Read a reply by the vendor's page: slowly, and one rule after the other."""
    try:
        reply = plain_json(raw)
    except _Refused:
        return None
    if not isinstance(reply, dict) or type(reply.get("code")) is not int:
        return None
    if not isinstance(reply.get("message", ""), str) and reply["message"] is not None:
        return None
    data = reply.get("data")
    if data is None:
        return None if any(isinstance(one, list | dict) for one in reply.values()) else (reply["code"], None)
    if not isinstance(data, list):
        return None
    said: dict[str, set[Any]] = {}
    for entry in data:
        if isinstance(entry, dict) and isinstance(entry.get("messageid"), str):
            status, text = entry.get("status"), entry.get("message")
            word: Any = None
            if status == "Success":
                word = "Success"
            elif status == "Failure":
                word = ("Failure", text if isinstance(text, str) else None)
            said.setdefault(entry["messageid"], set()).add(word)
    return reply["code"], [said[one].copy().pop() if len(said.get(one, ())) == 1 else None for one in ids]


def ours(raw: bytes, ids: Ids) -> Reading:
    """Read a reply as the client does."""
    try:
        reply = parse(raw, ids)
    except NotUnderstood:
        return None
    if reply.items is None:
        return reply.code, None
    read = [item and ("Success" if item.accepted else ("Failure", item.text)) for item in reply.items]
    assert reply.all_accepted == (read == ["Success"] * len(ids))
    return reply.code, read


def compared(mine: Reading, plain: Reading) -> str:
    """How the client's reading stands to the plain one: "same", "less", or "more" where it says anything else."""
    if mine == plain:
        return "same"
    if mine is None:
        return "less"
    if plain is None or mine[0] != plain[0] or mine[1] is None or plain[1] is None:
        return "more"
    return "less" if all(one is None or one == other for one, other in zip(mine[1], plain[1], strict=True)) else "more"


# ---------------------------------------------------------------------- replies, and what happens to them

Tree = Any
"""JSON in which an object is a tuple of pairs, so that it can name a member twice."""


def written(tree: Tree, rng: random.Random | None = None) -> str:
    """Write a tree as JSON, with `rng` in one of the ways that JSON can be written."""
    blank = (lambda: rng.choice(("", "", " ", "\n"))) if rng else (lambda: "")
    if isinstance(tree, tuple):
        members = [f"{blank()}{_quoted(name, rng)}{blank()}:{blank()}{written(value, rng)}" for name, value in tree]
        return f"{{{','.join(members)}{blank()}}}"
    if isinstance(tree, list):
        return f"[{blank()}{f'{blank()},{blank()}'.join(written(one, rng) for one in tree)}{blank()}]"
    return _quoted(tree, rng) if isinstance(tree, str) else json.dumps(tree)


def _quoted(text: str, rng: random.Random | None) -> str:
    if rng and rng.random() < 0.05:
        return '"' + "".join(f"\\u{ord(one):04x}" for one in text) + '"'
    return json.dumps(text, ensure_ascii=bool(rng and rng.random() < 0.5))


def healthy(rng: random.Random, ids: list[str]) -> tuple[tuple[str, Any], ...]:
    """A reply as the vendor documents them."""
    kind = rng.choice(("accepted", "accepted", "accepted", "some refused", "refused", "refused, with data"))
    data: Any = []
    for number, one in enumerate(ids):
        item = [("phone", f"86150888{number:05d}"), ("messageid", one), ("status", "Success")]
        if kind != "accepted" and rng.random() < 0.3:
            item[2:] = [("status", "Failure"), ("message", rng.choice([*TEXTS, "Operator said “no”"]))]
        data.append(tuple(item))
    code = 0 if kind in ("accepted", "some refused") else rng.choice(CODES)
    if kind == "refused":
        data = None
    return (("code", code), ("message", codes.TABLE[code].text if code in codes.TABLE else "?"), ("data", data))


NAMES = ("code", "message", "data", "messageid", "status", "phone", "Data", "result", "items", "requestId", "")
ODD = (None, True, False, 0, 1, -1, 13008, 0.0, 10**30, "0", "Success", "Failure", "success", "", [], {}, [1], "\ud800")


def _value(rng: random.Random, ids: list[str]) -> Tree:
    kind = rng.randrange(5)
    if kind == 0:
        return [(("messageid", one), ("status", rng.choice(("Success", "Failure")))) for one in ids]
    if kind == 1:
        return (("messageid", rng.choice(ids)), ("status", rng.choice(("Success", "Failure"))))
    if kind == 2:
        return json.dumps([{"messageid": one, "status": "Success"} for one in ids])
    value = rng.choice(ODD)
    return () if value == {} else value


def _paths(tree: Tree, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at]
    if isinstance(tree, tuple | list):
        for place, part in enumerate(tree):
            found += _paths(part[1] if isinstance(tree, tuple) else part, (*at, place))
    return found


def _changed(tree: Tree, path: tuple[Any, ...], change: Callable[[Tree], Tree]) -> Tree:
    if not path:
        return change(tree)
    parts = list(tree)
    if isinstance(tree, tuple):
        name, value = parts[path[0]]
        parts[path[0]] = (name, _changed(value, path[1:], change))
        return tuple(parts)
    parts[path[0]] = _changed(parts[path[0]], path[1:], change)
    return parts


def _restructured(rng: random.Random, tree: Tree, ids: list[str]) -> Tree:
    def change(part: Tree) -> Tree:
        parts = list(part)
        member = isinstance(part, tuple)
        kind = rng.choice(("add", "twice", "drop", "rename", "move", "swap"))
        new = _value(rng, ids)
        if member and new != () and rng.random() < 0.9:
            new = (rng.choice(NAMES), new)
        elif member:
            new = (rng.choice(NAMES), "x")
        at = rng.randrange(len(parts)) if parts else 0
        if kind == "add" or not parts:
            parts.insert(rng.randint(0, len(parts)), new)
        elif kind == "twice":
            again = (parts[at][0], _value(rng, ids)) if member and rng.random() < 0.7 else parts[at]
            parts.insert(rng.randint(0, len(parts)), again)
        elif kind == "drop":
            del parts[at]
        elif kind == "rename" and member:
            parts[at] = (rng.choice(NAMES), parts[at][1])
        elif kind == "move":
            parts.insert(rng.randint(0, len(parts) - 1), parts.pop(at))
        else:
            other = rng.randrange(len(parts))
            parts[at], parts[other] = parts[other], parts[at]
        return tuple(parts) if member else parts

    paths = _paths(tree)
    if rng.random() < 0.5:
        holders = [path for path in paths if len(path) < 2]
        path = rng.choice(holders)
    else:
        path = rng.choice(paths)
    return _changed(tree, path, lambda part: change(part) if isinstance(part, tuple | list) else _value(rng, ids))


def structure(rng: random.Random, ids: list[str]) -> bytes:
    """Members and items added, left out, doubled, renamed, moved, or of another type."""
    tree = healthy(rng, ids)
    for _ in range(rng.randint(1, 3)):
        tree = _restructured(rng, tree, ids)
    text = written(tree, rng if rng.random() < 0.3 else None)
    return text.encode(errors="surrogatepass")


_PIECE = re.compile(r'"[^"]*"|[{}\[\],:]|[^"{}\[\],:]+')
PIECES = (
    *'{}[],:"\\',
    *(["0", "00", "-0", "0.0", "1", "13008", "9000", "null", "true", "false", "NaN", "Infinity", "1e999", "1e0"]),
    *(f'"{name}"' for name in (*NAMES, "Success", "Failure", "\\u0064ata", "\\ud800", "]}", "[{")),
    '"data":[{',
    "}]}",
    "},{",
    "[" * 2000,
    '{"a":' * 2000,
    "\ufeff",
    "9" * 5000,
)


def pieces(rng: random.Random, ids: list[str]) -> bytes:
    """Tokens left out, doubled, exchanged, or put where they do not belong."""
    parts = _PIECE.findall(written(healthy(rng, ids), rng if rng.random() < 0.2 else None))
    for _ in range(rng.randint(1, 4)):
        at = min(int(rng.expovariate(0.05)), len(parts) - 1) if rng.random() < 0.7 else rng.randrange(len(parts))
        if rng.random() < 0.2:
            at = len(parts) - 1 - at
        kind = rng.randrange(6)
        if kind == 0:
            del parts[at]
        elif kind == 1:
            parts.insert(at, parts[at])
        elif kind == 2:
            parts[at] = rng.choice(PIECES)
        elif kind == 3:
            parts.insert(at, rng.choice(PIECES))
        elif kind == 4:
            end = min(len(parts), at + rng.randint(1, 14))
            parts[rng.randrange(len(parts)) : 0] = parts[at:end]
        else:
            other = rng.randrange(len(parts))
            parts[at], parts[other] = parts[other], parts[at]
        parts = parts or [""]
    return "".join(parts).encode()


def letters(rng: random.Random, ids: list[str]) -> bytes:
    """Bytes changed, left out, added, exchanged, doubled, or cut off."""
    raw = bytearray(written(healthy(rng, ids)).encode())
    for _ in range(rng.randint(1, 3)):
        at, kind = rng.randrange(len(raw)), rng.randrange(7)
        byte = rng.choice(b'{}[],:"\\ \n0129eE-+.aSF\x00\x1f\x7f\xc3\xff')
        if kind == 0:
            raw[at] = byte
        elif kind == 1:
            raw[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            raw.insert(at, byte)
        elif kind == 3:
            del raw[at : at + rng.randint(1, 3)]
        elif kind == 4:
            raw[at : at + 2] = raw[at : at + 2][::-1]
        elif kind == 5:
            raw[at:at] = raw[rng.randrange(len(raw)) :][: rng.randint(1, 200)]
        else:
            del raw[len(raw) - rng.randrange(len(raw)) :]
        raw = raw or bytearray(b" ")
    return bytes(raw)


def one_of_many(rng: random.Random, ids: list[str]) -> bytes:
    """One item of a reply that accepts everything is not like the others."""
    tree = [*healthy(random.Random(0), ids)[:1], ("message", "Success")]
    data = [
        (("phone", f"86150888{number:05d}"), ("messageid", one), ("status", "Success"))
        for number, one in enumerate(ids)
    ]
    at = rng.randrange(len(data))
    new = _value(rng, ids)
    change = rng.randrange(5)
    if change == 0:
        data[at] = _restructured(rng, data[at], ids)
    elif change == 1:
        data[at] = (*data[at], (rng.choice(NAMES), "x" if new == () else new))
    elif change == 2:
        data[at], data[0] = data[0], data[at]
    elif change == 3:
        data = [(*item, ("extra", "},{")) for item in data]
    else:
        del data[at]
    tree.insert(rng.randint(1, 2), (rng.choice(NAMES), "[{" if rng.random() < 0.5 else _value(rng, ids) or None))
    tree.insert(rng.randint(1, 3) if rng.random() < 0.5 else len(tree), ("data", data))
    return written(((("code", 0), *tree[1:])), rng if rng.random() < 0.2 else None).encode(errors="surrogatepass")


KINDS = (structure, pieces, letters, one_of_many)


def storm(kind: Callable[[random.Random, list[str]], bytes], seed: int, replies: int) -> Counter[str]:
    """Read so many replies in both ways and count how the readings compare; "more" must not occur."""
    rng, tally = random.Random(f"{kind.__name__} {seed}"), Counter[str]()
    for _ in range(replies):
        first = rng.randrange(1 << 30)
        ids = [f"n1{first + number:032x}" for number in range(rng.choice((1, 7, 8, 9, 12)))]
        raw = kind(rng, ids)
        plain = plainly(raw, ids)
        how = compared(ours(raw, Ids("".join(ids).encode(), len(ids[0]))), plain)
        if how == "more":
            sys.stderr.write(f"{raw!r}\n")
        tally[how] += 1
        tally["understood"] += plain is not None
    return tally


def _share(job: tuple[int, int, int]) -> tuple[int, Counter[str]]:
    number, seed, replies = job
    return number, storm(KINDS[number], seed, replies)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--replies", type=int, default=3_000_000)
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    each, size = asked.replies // len(KINDS), 10_000
    edges = [*range(0, each, size), each]
    work = [(kind, start, end - start) for kind in range(len(KINDS)) for start, end in pairwise(edges)]
    totals = [Counter[str]() for _ in KINDS]
    with ProcessPoolExecutor(asked.jobs) as pool:
        for number, tally in pool.map(_share, work):
            totals[number] += tally
    lines = [
        "| what is changed | replies | understood | read the same | read as less | read as more |",
        "|---|---|---|---|---|---|",
    ]
    for kind, tally in [*zip((kind.__name__ for kind in KINDS), totals, strict=True), ("all", sum(totals, Counter()))]:
        cells = [
            tally["same"] + tally["less"] + tally["more"],
            tally["understood"],
            tally["same"],
            tally["less"],
            tally["more"],
        ]
        lines.append(f"| {kind} | {' | '.join(f'{n:,}' for n in cells)} |")
    sys.stdout.write("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
