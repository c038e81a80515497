"""The command line: ``python -m nxsms_nb demo``, ``lab``, ``send``, ``receipts`` and ``sandbox``."""

from __future__ import annotations

import argparse
import re
import shlex
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from nxsms_nb.errors import ConfigError, NxsmsError, Stopped
from nxsms_nb.given import path_as_given
from nxsms_nb.screen import end_output, say


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; by default the arguments of this process.

    The exit code is 0, 1 after an error that says what to do, 2 where the arguments or the files of ``send`` are refused before
    anything is sent, 130 after Ctrl-C or SIGTERM.
    """
    parser = _parser()
    given, more = parser.parse_known_args(arguments)
    if more and given.command != "lab":
        parser.error(f"unrecognized arguments: {' '.join(more)}")
    try:
        # JupyterLab handles it itself.
        with nullcontext() if given.command == "lab" else _terminated_as_interrupted():
            return _run(given, more)
    except KeyboardInterrupt:
        say("\nInterrupted.", error=True)
        return 130
    except NxsmsError as error:
        say(f"{type(error).__name__}: {error}", error=True)
        return 1


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Make SIGTERM, which stops services and containers, end a command as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _run(given: argparse.Namespace, more: Sequence[str]) -> int:
    # Each command loads only what it needs: help and errors come at once.
    if given.command == "demo":
        from nxsms_nb.demo import demo  # noqa: PLC0415

        demo(given.out)
        return 0
    if given.command == "lab":
        from nxsms_nb.lab import lab  # noqa: PLC0415

        return lab(given.folder, more)
    if given.command == "send":
        return _send(given)
    if given.command == "receipts":
        from nxsms_nb.delivery.server import serve as take_receipts  # noqa: PLC0415

        take_receipts(given.host, given.port, given.token, given.journal)
        return 0
    from nxsms_nb.sandbox import serve  # noqa: PLC0415

    serve(
        given.port,
        seed=given.seed,
        latency=given.latency,
        tps=given.tps,
        balance=given.balance,
        failures="realistic" if given.realistic else None,
    )
    return 0


def _send(given: argparse.Namespace) -> int:
    from nxsms_nb.files.sending import send_file  # noqa: PLC0415

    sending = ("campaign", "journal", "confirm", "concurrency", "max_rate")
    names = (
        *sending,
        "duplicates",
        "region",
        "bare",
        "suppress",
        "prefix",
        "phone",
        "content",
        "variant",
        "encoding",
        "sep",
        "sheet",
    )
    options = {name: value for name in names if (value := getattr(given, name)) is not None}
    try:
        with ExitStack() as stack:
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("default")
            warnings.showwarning = _as_a_line
            client = None
            if given.sandbox:
                from nxsms_nb.sandbox import Sandbox  # noqa: PLC0415

                client = stack.enter_context(Sandbox()).client
            counts = send_file(given.source, given.target, client, **options)
    except (NxsmsError, KeyboardInterrupt) as error:
        return _broken_off(error)
    say("  ".join(f"{status} {n:,}" for status, n in counts.items()) or "No rows.")
    say(f"Written: {given.target}" + ("  (simulated: nothing left this machine)" if given.sandbox else ""))
    return 0


def _as_a_line(message: Warning | str, *_: Any, **__: Any) -> None:
    say(str(message), error=True)


def _broken_off(error: BaseException) -> int:
    """Report why a file was not sent, or only in part, and where its rows are; return the exit code."""
    say(f"{type(error).__name__}: {_in_options(str(error)) or 'stopped by you'}", error=True)
    begun = getattr(error, "__notes__", [])
    for note in begun:
        say(note, error=True)
    if isinstance(error, KeyboardInterrupt):
        return 130
    return 1 if begun or isinstance(error, Stopped) else 2


_OPTION = re.compile(
    r"\b(campaign|journal|confirm|concurrency|max_rate|duplicates|region|bare|suppress|prefix|phone|content|variant|encoding|sep|sheet)=(\"[^\"]*\"|'[^']*'|\d+)"
)
_RENAMED = re.compile(r",? or rename it: df\.rename\(columns=\{[^}]*\}\)")
_CALL = re.compile(r"\n {4}(.+)")
_PYTHON = {
    "client = nx.Sandbox().client, then df.nxsms.send(client)": "--sandbox",
    "; .report.problems of this error lists all": "",
    "where a file has no header row, read it with header=None": "where its first line has no names, put such a line in front",
}
"""What an error advises in Python, and its counterpart on the command line."""


def _in_options(text: str) -> str:
    """Replace the keywords and calls that an error names by the command line's options."""
    for python, words in _PYTHON.items():
        text = text.replace(python, words)
    text = _RENAMED.sub("", text)
    # Every other part is a call.
    parts = [_of_call(part) if at % 2 else _OPTION.sub(_as_option, part) for at, part in enumerate(_CALL.split(text))]
    return " ".join(" ".join(parts).split())


def _of_call(call: str) -> str:
    """Return the option that a proposed call adds. A call on some rows stays in Python, since no option selects rows."""
    added = re.search(r"\w+=(?:'[^']*'|\w+)(?=\)$)", call)
    if not call.startswith("nx.send_stream(frames") or added is None:
        return f"(in Python) {call}"
    return _OPTION.sub(_as_option, added[0])


def _as_option(found: re.Match[str]) -> str:
    value = found[2].strip("'\"")
    return f"--{found[1].replace('_', '-')} {value if value == '…' else shlex.quote(value)}"


def _file(text: str) -> Path:
    if not text.strip():
        raise argparse.ArgumentTypeError("an empty text is not a file")
    return _folder(text)


def _folder(text: str) -> Path:
    # A shell leaves --out=~/demo as it is.
    try:
        return path_as_given(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _journal(text: str) -> str | Path:
    # A path would lose one of a URL's two slashes.
    return text if "://" in text else _file(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m nxsms_nb",
        description="Send a pandas frame as SMS through NXCloud, once, and see the result of each row.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    demo = commands.add_parser(
        "demo",
        help="send the shipped sample to a simulated gateway and write figures and frame",
        description="Send 2,400 real messages to example numbers, through a simulated gateway on this machine: what "
        "validation finds, progress, summary, failure codes, two figures and the frame. No network is used.",
    )
    demo.add_argument(
        "--out",
        type=_folder,
        default=Path("nxsms_demo"),
        metavar="FOLDER",
        help="where to write (default: %(default)s)",
    )

    lab = commands.add_parser(
        "lab",
        allow_abbrev=False,
        help="open JupyterLab on copies of the notebooks",
        description="Copy the notebooks and open JupyterLab on the copies. Copies that you changed are kept. Further "
        "arguments go to JupyterLab, for example --no-browser or --port=8889.",
    )
    lab.add_argument(
        "--folder",
        type=_folder,
        default=Path("nxsms_notebooks"),
        metavar="FOLDER",
        help="where the copies are (default: %(default)s)",
    )

    send = commands.add_parser(
        "send",
        help="send a file of recipients, which may be larger than memory",
        description="Send a file's rows chunk by chunk and write them with their results. The account comes "
        "from NXSMS_ACCESS_KEY, NXSMS_ACCESS_SECRET and NXSMS_APP_KEY or a .env file. After a stop, run the same "
        "command to continue: what was sent is not sent again.",
    )
    send.add_argument(
        "source", type=_file, metavar="IN", help=".csv, .csv.gz, .tsv, .xlsx or .parquet with phone and content"
    )
    send.add_argument("target", type=_file, metavar="OUT", help="the file to write, in any of these formats")
    send.add_argument("--campaign", required=True, help="in a campaign a number gets one message")
    send.add_argument("--phone", metavar="COLUMN", help="the column with the numbers (default: phone)")
    send.add_argument("--content", metavar="COLUMN", help="the column with the texts (default: content)")
    send.add_argument(
        "--variant", metavar="COLUMN", help="the column whose holdout rows get no message (default: variant)"
    )
    send.add_argument(
        "--encoding",
        metavar="NAME",
        help="encoding of a text file (default: UTF-8, UTF-16 by its mark, GB18030 where it certainly is Chinese)",
    )
    send.add_argument("--sep", metavar="CHARACTER", help="the column separator, for example ; or tab")
    send.add_argument("--sheet", metavar="NAME", help="sheet of a workbook, or its number (default: the first)")
    send.add_argument(
        "--region",
        metavar="CODE|COLUMN",
        help="country that completes national numbers, for example CN, or the column with each row's",
    )
    send.add_argument(
        "--bare", choices=("national", "international"), help="what numbers without +, 00 and trunk zero are"
    )
    send.add_argument(
        "--suppress",
        type=_file,
        metavar="FILE",
        help="do-not-contact list: numbers that get no message, in any spelling",
    )
    send.add_argument("--duplicates", choices=("raise", "drop", "allow"), help="rows that share a number")
    send.add_argument("--prefix", metavar="TEXT", help="prefix of the result columns' names (default: none)")
    send.add_argument("--confirm", type=int, metavar="N", help="confirm that at most N messages may be sent")
    send.add_argument("--concurrency", type=int, metavar="N", help="requests in flight at once (default: 8)")
    send.add_argument("--max-rate", type=float, metavar="N", help="the most messages per second")
    send.add_argument(
        "--journal", type=_journal, help="the record of earlier sends (default: NXSMS_JOURNAL, or the user's)"
    )
    send.add_argument(
        "--sandbox", action="store_true", help="for practice: use a simulated gateway instead of the real one"
    )

    receipts = commands.add_parser(
        "receipts",
        help="receive the delivery receipts that the vendor pushes",
        description="Record pushed delivery receipts in the journal until Ctrl-C: print the address for drUrl, and how many "
        "were taken and refused, by the reason. On loopback it needs a reverse proxy or an SSH tunnel in front of it; "
        "notebooks/RECEIPTS.md shows both.",
    )
    receipts.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    receipts.add_argument("--port", type=int, default=0, help="port (default: any free one)")
    receipts.add_argument("--token", metavar="TEXT", help="secret part of the address (default: a long random one)")
    receipts.add_argument(
        "--journal", type=_journal, help="where receipts are kept (default: NXSMS_JOURNAL, or the user's journal)"
    )

    sandbox = commands.add_parser(
        "sandbox",
        help="run the simulated gateway alone",
        description="Run the simulated gateway on loopback until Ctrl-C, and print how to reach it.",
    )
    sandbox.add_argument("--port", type=int, default=0, help="port on loopback (default: any free one)")
    sandbox.add_argument("--seed", type=int, default=0, help="same seed, same outcomes (default: %(default)s)")
    sandbox.add_argument("--latency", type=float, default=0.0, metavar="SECONDS", help="how long a request takes")
    sandbox.add_argument("--tps", type=float, metavar="N", help="the most messages per second (default: no limit)")
    sandbox.add_argument(
        "--balance", type=int, metavar="N", help="how many messages the balance pays for (default: any number)"
    )
    sandbox.add_argument("--realistic", action="store_true", help="make a realistic share of the messages fail")
    return parser


if __name__ == "__main__":
    status = main()
    end_output()
    sys.exit(status)
