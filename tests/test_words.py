"""The views' words: one table in two languages, and nothing that a view says is missing from it."""

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest

import nxsms_nb as nx
from nxsms_nb.engine.progress import Progress
from nxsms_nb.results.statuses import LABELS, WORDS
from nxsms_nb.rows.problems import RULES
from nxsms_nb.views.progress import _words as terminal_words
from nxsms_nb.views.run_summary import summary_html
from nxsms_nb.views.run_view import Throughput, view_of
from nxsms_nb.wire.codes import TABLE as CODES
from nxsms_nb.words import general
from nxsms_nb.words.language import CHAPTERS, HINTS, LANGUAGES, SAID, TABLE, chapter, counted, duration, tr, translated
from nxsms_nb.words.pictures import RANGES
from tests.support.words import CHINESE, english_of, seen

PACKAGE = Path(nx.__file__).parent
SOURCES = [path for path in PACKAGE.rglob("*.py") if path.parent.name != "words"]
SCRIPTS = sorted((PACKAGE / "views" / "static").glob("*.js"))
PLACE = re.compile(r"\{(\w+)\}")


def literals(node):
    """The texts that an expression may be: one, or those of a choice."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    return [*literals(node.body), *literals(node.orelse)] if isinstance(node, ast.IfExp) else []


def said_in(path):
    """The words that a module gives to `tr`, and the nouns that it counts."""
    words, nouns = [], []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("tr", "counted"):
            first = node.args[0 if node.func.id == "tr" else 1]
            (words if node.func.id == "tr" else nouns).extend(literals(first))
    return words, nouns


def first_argument(call):
    """What stands first in a call, from the text that follows its bracket."""
    depth, quoted = 0, False
    for place, char in enumerate(call):
        quoted ^= char == '"'
        depth += 0 if quoted else (char in "({[") - (char in ")}]")
        if not quoted and (depth < 0 or (depth == 0 and char == ",")):
            return call[:place]
    return call


def said_by(path):
    """The words that a script gives to `tr`."""
    text = path.read_text(encoding="utf-8")
    firsts = [first_argument(text[found.end() :]) for found in re.finditer(r"\btr\(", text)]
    return [word for one in firsts for word in re.findall(r'"((?:[^"\\]|\\.)*)"', re.sub(r'== "[^"]*"', "", one))]


def test_every_word_is_in_both_languages():
    """No Chinese is missing, none is English left over, and both have the same values filled in."""
    for english, chinese in [*TABLE.items(), *RANGES.items()]:
        assert CHINESE.search(chinese) or not english_of(PLACE.sub("", english)), english
        assert not english_of(PLACE.sub("", chinese)), english
        assert sorted(set(PLACE.findall(english))) == sorted(set(PLACE.findall(chinese))), english
    assert all(map(CHINESE.search, general.COUNTED.values()))


def test_no_word_stands_in_two_chapters():
    """What several views say stands once, so that it is changed once."""
    keys = [english for part in (*CHAPTERS.values(), SAID) for english in part]
    assert sorted(keys) == sorted(set(keys))


def test_accepted_and_delivered_are_different_words():
    """That the gateway accepted a message says nothing of its arrival."""
    assert TABLE["accepted"] == "已受理"
    assert TABLE["delivered"] == "已送达"
    assert not [english for english, chinese in TABLE.items() if "送达" in chinese and "deliver" not in english.lower()]
    assert CODES[0].meaning_zh == "已受理"


def test_the_vendors_codes_have_meaning_and_advice_in_both():
    """Each code of the table has them, none by a copy of the other language."""
    for code in CODES.values():
        assert CHINESE.search(code.meaning_zh), code.number
        assert CHINESE.search(code.advice_zh), code.number
        assert not english_of(code.meaning_zh) + english_of(code.advice_zh), code.number
    assert list(nx.codes().columns) == ["text", "meaning", "meaning_zh", "scope", "advice"]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_what_a_module_says_is_in_the_table(path):
    """A word that is said and forgotten in the table would stay English."""
    words, nouns = said_in(path)
    assert not [word for word in words if word not in TABLE]
    assert not [noun for noun in nouns if noun not in general.COUNTED]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_what_a_script_says_is_in_the_table(path):
    """The same for words that a browser looks up, in the chapters that it is given."""
    given = {**CHAPTERS["general"], **CHAPTERS[path.stem.partition("_")[0]]}
    assert not [word for word in said_by(path) if word not in given]
    assert said_by(path) or "tr(" not in path.read_text(encoding="utf-8")


def test_hints_of_rules_are_in_the_table():
    """What to do about each rule; the rule keeps its name."""
    assert {rule.name for rule in RULES} == set(HINTS)
    assert all(CHINESE.search(chinese) and not english_of(chinese) for chinese in HINTS.values())


def test_statuses_are_in_the_table():
    """Both forms of each status."""
    assert not {*WORDS.values(), *LABELS.values()} - set(TABLE)


@pytest.mark.parametrize("value", ["de", "EN", "", None, 1, ["zh"]])
def test_another_language_is_refused(value):
    """With what was given, and what there is."""
    with pytest.raises(nx.errors.ConfigError if hasattr(nx, "errors") else nx.ConfigError) as refused:
        nx.options.language = value
    assert "'en' and 'zh'" in str(refused.value)
    assert nx.options.language == "en"


@pytest.mark.parametrize("value", [0, None, "yes"])
def test_masking_is_on_or_off(value):
    """A value that may have been meant otherwise does not turn masking off."""
    with pytest.raises(nx.ConfigError, match="mask_phones"):
        nx.options.mask_phones = value
    assert nx.options.mask_phones is True


def test_the_session_shows_its_options(chinese):
    """The options name what holds now."""
    assert repr(nx.options) == "options(confirm_above=100, language='zh', mask_phones=True)"
    assert LANGUAGES == ("en", "zh")


def test_numbers_and_times_are_written_in_the_language(chinese):
    """With the measure words and units of Chinese."""
    assert counted(4812, "row") == "4,812 行"
    assert duration(90) == "1 分 30 秒"
    assert translated("3 messages") == "3 条短信"
    assert translated("10 s") == "10 秒"
    assert tr("accepted") == "已受理"
    assert chapter("run")["■ Stop"] == "■ 停止"


def test_in_english_nothing_is_looked_up():
    """English is the key itself."""
    assert chapter("run") == {}
    assert tr("accepted") == translated("accepted") == "accepted"


NOTES = [
    "waiting for the first reply",
    "the connection was refused; trying again",
    "asking the gateway for 1 message in doubt",
    "the gateway asked for a pause; nothing is sent for another 1 min 30 s",
    "finding the gateway's limit, now at 500 messages a second",
    "stopping: stopped by you",
    "stopping: the gateway refused the account: 1102 Insufficient balance. Top up, then run again.",
    "stopping: 3 of 60 answered rows failed, more than max_failures=0.01 of them",
    "stopping: 61 rows failed, more than max_failures=60",
    (
        "stopping: the gateway answered 13008 (TPS limit exceeded) 20 times in a row without accepting a message. "
        "Try later, or ask the vendor for the account's limit."
    ),
]
MOMENT = Progress(
    total=1000, sending=900, decided=400, elapsed_s=4.0, rate=200.0, pace=250.0, in_flight=8, throttled=3, max_rate=900.0,
    counts={"Success": 390, "Failure": 10, "Invalid": 60, "Skipped": 40}, before={"Success": 4}, suppressed=12,
    codes=dict.fromkeys((*CODES, 777), 9),
)  # fmt: skip


@pytest.mark.parametrize("note", NOTES)
@pytest.mark.parametrize("final", [False, True])
def test_no_english_remains_in_a_chinese_panel(chinese, note, final):
    """Live, at the end, and in a terminal: labels, counts, codes and what goes on."""
    for now in (replace(MOMENT, note=note, final=final), replace(MOMENT, note=note, simulated=True, codes={13005: 1})):
        shown = [seen(summary_html(view_of(now, Throughput()))), terminal_words(now)]
        left = [word for text in shown for word in english_of(text)]
        # A trouble in the network is quoted as the system names it.
        assert not left or note.startswith("the connection was refused"), left


def templates():
    """What the engine says of a run, as templates: the notes, and the reasons for which a run ends."""
    for name in ("sender", "rate", "policy", "run"):
        for node in ast.walk(ast.parse((PACKAGE / "engine" / f"{name}.py").read_text(encoding="utf-8"))):
            call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "StopReason"
            value = node.args[1] if call else node.value if isinstance(node, ast.Return | ast.Assign) else None
            named = isinstance(node, ast.Return) or call or ast.unparse(node).startswith(("reason =", "note ="))
            if named and isinstance(value, ast.JoinedStr) and (text := filled(value)):
                yield text


def filled(template):
    """A template with values like those that it gets."""
    text = ""
    for part in template.values:
        name = "" if isinstance(part, ast.Constant) else ast.unparse(part.value)
        glued = text.endswith("outcome")  # what follows may be empty
        text += part.value if not name else "" if glued else FILLED.get(name, "7")
    return text if text[:1].islower() or text[:1].isdigit() else ""


FILLED = {
    "how": "and names no time",
    "words": "HTTP 404 instead of a reply from https://api2.nxcloud.com",
    "count(failed, 'row')": "7 rows",
    "trouble": "no connection",
}


def test_what_the_engine_says_of_a_run_is_known(chinese):
    """A new note or reason would stay English in a Chinese panel until the table has it."""
    said = [text for text in templates() if not text.startswith("stopping: ")]
    assert len(said) > 12
    assert not [text for text in said if translated(text) == text]
