"""The statements by which a run is recorded in PostgreSQL, and what they are given.

A few values a request, never one a row.

Ids travel joined by line feeds and are taken apart by the server, requests and outcomes as JSON. Each statement has the same
effect when it is given again: a transaction whose answer was lost is repeated under the same numbers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from nxsms_nb.results.table import FAILURE, SUCCESS, UNKNOWN, UNSENT

if TYPE_CHECKING:
    from nxsms_nb.journal.entries import Begin
    from nxsms_nb.results.table import Outcome

NUMBERS: Final = "SELECT nextval(pg_get_serial_sequence('{table}', 'id')) FROM generate_series(1, %s)"

BLOCK: Final = """
    INSERT INTO block(id, run, digested, fingerprints, rest, keys) VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (id) DO NOTHING
"""

NOT_WON: Final = "nxsms_nb: not recorded"
"""The server's words when `RECORD` fails because the run did not get all ids."""

# A transaction by itself, in one round trip: the outcomes of earlier requests, and the requests about to be sent.
# Its ids are in one order, so that two transactions do not wait for each other.
# If another run has one of them, or a pooler ran this in another session, the cast at the end fails, and nothing is recorded.
# An outcome changes only claims of its own request: it overrides a doubt that was settled meanwhile; decided is for good.
RECORD: Final = """
    WITH request AS MATERIALIZED (
        SELECT * FROM ROWS FROM (
            json_to_recordset(%(requests)s::json) AS (number bigint, block bigint, start integer, size integer, sent_us bigint),
            unnest(string_to_array(%(ids)s, E'\\n\\n'))
        ) AS r(number, block, start, size, sent_us, ids)
    ), answer AS MATERIALIZED (
        SELECT * FROM ROWS FROM (
            json_to_recordset(%(outcomes)s::json) AS (batch bigint, status smallint, code bigint, reason text,
                latency_ms double precision, carried boolean, exceptions text, state text, states text),
            unnest(string_to_array(%(answered)s, E'\\n\\n'))
        ) AS o(batch, status, code, reason, latency_ms, carried, exceptions, state, states, ids)
    ), outcomes AS (
        INSERT INTO outcome(batch, status, code, reason, latency_ms, carried, exceptions)
        SELECT batch, status, code, reason, latency_ms, carried, exceptions FROM answer ON CONFLICT (batch) DO NOTHING
    ), said AS MATERIALIZED (
        SELECT one.id COLLATE "C" AS id, batch, CASE coalesce(one.state, answer.state)
            WHEN 'd' THEN 'decided' WHEN 'f' THEN 'free' END AS state
        FROM answer, unnest(string_to_array(ids, E'\\n'), string_to_array(states, NULL)) AS one(id, state)
    ), changed AS (
        UPDATE claim SET state = said.state FROM said
        WHERE claim.id = said.id AND claim.request = said.batch AND said.state IS NOT NULL
            AND (claim.state = 'open' OR (claim.state = 'free' AND said.state = 'decided'))
    ), batches AS (
        INSERT INTO batch(id, block, start, size, sent_us, query)
        SELECT number, block, start, size, sent_us, false FROM request ON CONFLICT (id) DO NOTHING
    ), won AS (
        INSERT INTO claim(id, run, request, state)
        SELECT one.id COLLATE "C", %(run)s, number, 'open' FROM request, unnest(string_to_array(ids, E'\\n')) AS one(id)
        ORDER BY 1
        ON CONFLICT (id) DO UPDATE SET run = excluded.run, request = excluded.request, state = 'open'
            WHERE claim.state = 'free' OR (claim.run = excluded.run AND claim.request = excluded.request)
        RETURNING 1
    ), counted AS MATERIALIZED (
        SELECT (SELECT count(*) FROM won) AS won, (SELECT coalesce(sum(size), 0) FROM request) AS asked,
            pg_backend_pid() AS pid
    )
    SELECT CASE WHEN won = asked AND pid = %(pid)s THEN (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
        ELSE format('{not_won}: %%s of %%s ids are free, session %%s', won, asked, pid)::bigint END
    FROM counted
""".replace("{not_won}", NOT_WON)

# Why it failed: the session, and the requests with another run's ids.
LOST: Final = """
    SELECT pg_backend_pid(), array(
        SELECT DISTINCT number FROM ROWS FROM (
            unnest(%(numbers)s::bigint[]), unnest(string_to_array(%(ids)s, E'\\n\\n'))
        ) AS request(number, ids), unnest(string_to_array(ids, E'\\n')) AS one(id)
        JOIN claim ON claim.id = one.id COLLATE "C"
        WHERE claim.state <> 'free' AND (claim.run <> %(run)s OR claim.request <> number)
    )
"""

TAKEN: Final = """
    SELECT asked.place - 1, claim.state FROM unnest(string_to_array(%(ids)s, E'\\n')) WITH ORDINALITY AS asked(id, place)
    JOIN claim ON claim.id = asked.id COLLATE "C" WHERE claim.state <> 'free' ORDER BY 1
"""

OUTCOME: Final = """
    INSERT INTO outcome(batch, status, code, reason, latency_ms, carried, exceptions)
    VALUES (%(batch)s, %(status)s, %(code)s, %(reason)s, %(latency_ms)s, %(carried)s, %(exceptions)s)
    ON CONFLICT (batch) DO NOTHING
"""

RUN: Final = """
    INSERT INTO run(id, campaign, gateway, app, started_us, rows, anywhere, os_user, host, backend)
    VALUES (%s, %s, %s, %s, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, %s, %s, %s, %s, pg_backend_pid())
    ON CONFLICT (id) DO NOTHING
"""

# A database that lost a transaction also lost all later ones, so checking the last ones is enough.
THERE: Final = """
    SELECT 1 WHERE EXISTS (SELECT FROM run WHERE id = %(run)s)
        AND (%(batch)s = 0 OR EXISTS (SELECT FROM batch WHERE id = %(batch)s))
        AND (%(outcome)s = 0 OR EXISTS (SELECT FROM outcome WHERE batch = %(outcome)s))
"""

END: Final = """
    UPDATE run SET ended_us = (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, rate = %(rate)s, pace = %(pace)s,
        stopped = %(stopped)s, blocks = (SELECT count(*) FROM block WHERE block.run = %(run)s), batches = made.n,
        outcomes = made.known
    FROM (
        SELECT count(*) AS n, count(outcome.batch) AS known FROM block JOIN batch ON batch.block = block.id
        LEFT JOIN outcome ON outcome.batch = batch.id WHERE block.run = %(run)s
    ) AS made WHERE run.id = %(run)s
"""

# A merge may have multiplied rows, and their ids with them.
FOUND: Final = """
    INSERT INTO claim(id, run, request, state)
    SELECT DISTINCT asked.id COLLATE "C", %(run)s::bigint, %(number)s::bigint, 'decided'
    FROM unnest(string_to_array(%(ids)s, E'\\n')) AS asked(id)
    ORDER BY 1 ON CONFLICT (id) DO UPDATE SET state = 'decided'
"""

# A request may still be answered within its window, and by a run that is alive: this campaign's is not, as it is held here.
FREED: Final = """
    UPDATE claim SET state = 'free' FROM run, batch
    WHERE claim.id = ANY(string_to_array(%(ids)s, E'\\n')) AND claim.state = 'open' AND run.id = claim.run
        AND batch.id = claim.request AND (run.ended_us IS NOT NULL OR run.campaign = %(campaign)s OR %(anywhere)s)
        AND batch.sent_us + %(window_us)s < (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
"""

_STATES: Final = {SUCCESS: "d", FAILURE: "d", UNSENT: "f", UNKNOWN: "o"}
_REQUESTS_APART: Final = "\n\n"


def as_json(rows: Sequence[dict[str, Any]]) -> str:
    """Return rows for ``json_to_recordset``."""
    return msgspec.json.encode(rows).decode()


def record_values(begins: Sequence[Begin], answers: Sequence[tuple[Outcome, int, Begin | None]]) -> dict[str, Any]:
    """Return the parameters of `RECORD` for requests about to be sent and outcomes of earlier ones."""
    requests = [
        {
            "number": begin.number,
            "block": abs(begin.block.number),
            "start": begin.start,
            "size": begin.size,
            "sent_us": begin.sent_us,
        }
        for begin in begins
    ]
    outcomes, answered = [], []
    for outcome, number, begin in answers:
        values = outcome_values(number, outcome)
        if begin is not None and (outcome.status != UNKNOWN or outcome.exceptions):
            values |= _states(outcome, begin.size)
            answered.append(begin.lines)
        else:
            answered.append("")
        outcomes.append(values)
    return {
        "requests": as_json(requests),
        "ids": _REQUESTS_APART.join([begin.lines for begin in begins]),
        "outcomes": as_json(outcomes),
        "answered": _REQUESTS_APART.join(answered),
    }


def lost_values(begins: Sequence[Begin]) -> dict[str, Any]:
    """Return the parameters of `LOST` for requests."""
    return {
        "numbers": [begin.number for begin in begins],
        "ids": _REQUESTS_APART.join([begin.lines for begin in begins]),
    }


def frees(outcome: Outcome) -> bool:
    """Return whether an outcome frees ids for another attempt."""
    return outcome.status == UNSENT or any(other.status == UNSENT for other in outcome.exceptions)


def _states(outcome: Outcome, size: int) -> dict[str, str]:
    """Return the state of a request's claims after its outcome, and that of each row if they differ."""
    state = _STATES[outcome.status]
    if not outcome.exceptions:
        return {"state": state}
    states = [state] * size
    for other in outcome.exceptions:
        states[other.offset] = _STATES[other.status]
    return {"state": state, "states": "".join(states)}


def outcome_values(batch: int, outcome: Outcome) -> dict[str, Any]:
    """Return a row of ``outcome``."""
    kept = [[other.offset, other.status, other.code, _plain(other.kept)] for other in outcome.exceptions]
    latency = outcome.latency_ms
    return {
        "batch": batch,
        "status": int(outcome.status),
        "code": outcome.code,
        "reason": _plain(outcome.reason),
        "latency_ms": None if latency is None or math.isnan(latency) else float(latency),
        "carried": bool(outcome.carried),
        "exceptions": json.dumps(kept) if kept else None,
    }


def _plain(text: str | None) -> str | None:
    """Make a text fit for the database."""
    return None if text is None else text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
