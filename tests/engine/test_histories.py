"""Random histories of a small frame: whatever becomes of its columns, its journal and its files, nobody gets a message twice."""

import io
import random
import re
import uuid
from contextlib import suppress

import pandas as pd
import pyarrow as pa
import pytest

import nxsms_nb as nx
from nxsms_nb.results import columns as result_columns
from nxsms_nb.results.statuses import RESULT_COLUMNS
from nxsms_nb.rows import keys as row_keys
from nxsms_nb.rows import message_ids, validate
from nxsms_nb.rows.columns import resolve
from nxsms_nb.rows.id_format import roots

BACKENDS = ("file", "postgresql")

HISTORIES = 10
STEPS = 24
CAMPAIGNS = [None, None, "spring", "autumn"]
KEYS = [None, None, None, "order", "phone"]
WENT = ("Success", "Unknown")
NEW = "If they are new messages:  "
ANOTHER = "To send them in another campaign:  "


def own_ids(frame):
    return [f"order-{int(number):05}" for number in frame["order"]]


def through_excel(history, frame):
    zoned = [name for name in frame if isinstance(frame[name].dtype, pd.DatetimeTZDtype)]
    path = history.folder / "frame.xlsx"
    frame.assign(**{name: frame[name].dt.tz_localize(None) for name in zoned}).to_excel(path, index=False)
    return pd.read_excel(path)


def through_parquet(history, frame):
    texts = [name for name in ("phone", "content", "sys_message_id") if name in frame]
    written = {name: [None if pd.isna(value) else str(value) for value in frame[name]] for name in texts}
    frame.assign(**written).to_parquet(history.folder / "frame.parquet")
    return pd.read_parquet(history.folder / "frame.parquet")


def partly(history, values, others):
    return [other if history.random.random() < 0.4 else value for value, other in zip(values, others, strict=True)]


def without_results(_, frame):
    return frame.drop(columns=[label for label in frame if str(label).endswith(RESULT_COLUMNS)])


def corrected(history, frame):
    phones = [str(phone) for phone in frame["phone"]]
    phones[history.random.randrange(len(phones))] = history.people(1)["phone"][0]
    return frame.assign(phone=phones)


def with_the_older_frame(history, frame):
    parts = [frame, history.older]
    history.random.shuffle(parts)
    return pd.concat(parts, ignore_index=True)


def keep_as_older(history, frame):
    history.older = frame
    return frame


def lose_the_journal(history, frame):
    history.start_a_journal()
    return frame


CHANGES = [
    lambda _, frame: frame.assign(sys_message_id=own_ids(frame)),
    lambda history, frame: frame.assign(sys_message_id=partly(history, own_ids(frame), [None] * len(frame))),
    lambda history, frame: frame.assign(
        sys_message_id=[str(uuid.UUID(int=history.random.getrandbits(128))) for _ in range(len(frame))]
    ),
    lambda _, frame: frame.drop(columns="sys_message_id", errors="ignore"),
    lambda _, frame: frame.assign(sys_message_id=frame["messageid"]) if "messageid" in frame else frame,
    lambda history, frame: frame.assign(
        content=partly(history, frame["content"], [f"Late {history.random.random()}" for _ in range(len(frame))])
    ),
    lambda history, frame: frame.assign(
        order=partly(history, frame["order"], [history.random.randrange(100, 10**6) for _ in range(len(frame))])
    ),
    lambda history, frame: frame.sample(frac=0.8, random_state=history.random.randrange(99)),
    lambda history, frame: pd.concat([frame, history.people(2)], ignore_index=True),
    lambda history, frame: pd.concat([history.people(2), frame], ignore_index=True),
    lambda _, frame: pd.concat([frame, frame.iloc[:1]], ignore_index=True),
    lambda _, frame: pd.read_csv(io.StringIO(frame.to_csv(index=False))),
    corrected, through_excel, through_parquet, without_results, with_the_older_frame, keep_as_older, lose_the_journal,
]  # fmt: skip


class History:
    """A frame, what was done to it and what came of it."""

    def __init__(self, seed, folder, sandbox):
        self.random = random.Random(seed)
        self.folder, self.sandbox = folder, sandbox
        self.journals, self.persons, self.seen = 0, 0, 0
        self.messages = {}  # messageid to the keys under which it went out
        self.reached = {}  # key to the ids under which somebody got it
        self.got = set()  # (messageid, phone) of everybody who got something
        self.start_a_journal()
        self.frame = self.older = self.people(4)
        self.options = {}

    def start_a_journal(self):
        self.journals += 1
        self.journal = nx.Journal(self.folder / f"{self.journals}.sqlite3")
        self.recorded = set()

    def people(self, n):
        numbers = range(self.persons, self.persons + n)
        self.persons += n
        text = self.random.choice(["Hi {}", "Code 0{}", "0{}12", "Dear,\r\n{}"])
        phones = [str(8615000000000 + number) for number in numbers]
        return pd.DataFrame({"phone": phones, "content": [text.format(n) for n in numbers], "order": list(numbers)})

    def keys(self, frame, campaign=None, key=None, **_):
        """What a call calls each row, whatever ids the frame brings: the id made from its key."""
        columns = resolve(frame, {"phone": None, "content": None})
        checked = validate.check(frame, columns, region=None, key=row_keys.labels(frame, key))
        keys = message_ids.keys_of(checked.fields, checked.keys, campaign=campaign, app_key=self.sandbox.app_key)
        return keys.ids(row_keys.repeats(keys, checked.good)).to_pylist()

    def step(self):
        if self.random.random() < 0.5:
            change = self.random.choice(CHANGES)
            frame = change(self, self.frame).reset_index(drop=True)
            self.frame = frame if len(frame) else self.people(2)
        else:
            self.call()

    def call(self):
        choose = self.random.choice
        if choose([True, False]):
            self.options = {"campaign": choose(CAMPAIGNS), "key": choose(KEYS), "prefix": choose(["", "", "", "sms_"])}
        self.sandbox.failures = choose([None, None, None, {13009: 0.5}])
        self.sandbox.faults = choose([None, None, None, ["lost"]])
        choose([self.send, self.send, self.send, self.retry])({**self.options, "journal": self.journal})

    def send(self, options):
        options = {**options, "duplicates": "drop"}
        try:
            sent = self.frame.nxsms.send(self.sandbox.client, **options, progress="silent")
        except nx.ColumnError as refused:
            assert len(self.sandbox.ledger) == self.seen
            self.way_out(refused, options)
        else:
            self.judge(self.frame, sent, self.options, self.said(self.frame))
            self.frame = sent

    def retry(self, options):
        options = {name: options[name] for name in ("journal", "prefix") if name in options}
        with suppress(nx.ColumnError, nx.ConfigError):
            sent = self.frame.nxsms.retry(self.sandbox.client, codes=13009, **options, progress="silent")
            self.judge(self.frame, sent, self.options, set(), retried=True)
            self.frame = sent

    def said(self, frame):
        """The ids under which the frame says that rows were sent."""
        said = set()
        for prefix in result_columns.prefixes(frame):
            results = result_columns.read(frame, prefix, gaps=True)
            said |= set(results["messageid"][results["status"].isin(WENT)].dropna())
        return said

    def judge(self, frame, sent, options, said, *, retried=False):
        """Hold the frame that came back against who got what."""
        prefix, of = options.get("prefix", ""), self.keys(frame, **options)
        ids, status = sent[prefix + "messageid"].tolist(), sent[prefix + "status"].tolist()
        phones = [str(phone).split(".")[0] for phone in sent["phone"]]
        fresh, self.seen = self.sandbox.ledger.iloc[self.seen :], len(self.sandbox.ledger)
        first = set(roots(pa.array(sorted(said), pa.large_string())).to_pylist())
        named = set().union(*(self.messages.get(messageid, set()) for messageid in said))
        for messageid, phone in zip(fresh["messageid"], fresh["phone"].astype(str), strict=True):
            row = next(row for row, at in enumerate(ids) if at == messageid and phones[row] == phone)
            assert retried or of[row] not in self.recorded, "sent again although the journal knew it"
            again = bool(self.reached.get(of[row]))
            assert not (again and of[row] in first), "sent again although the frame said so"
            unnamed = options.get("campaign") is None and not retried
            assert not (again and unnamed and of[row] in named), "sent again although the frame knew its id"
            self.reached.setdefault(of[row], set()).add(messageid)
            self.got.add((messageid, phone))
        for row, messageid in enumerate(ids):
            if isinstance(messageid, str):
                self.messages.setdefault(messageid, set()).add(of[row])
            if status[row] == "Success":
                anybody = any(messageid == got for got, _ in self.got)
                # Where the key is the order, its message may have gone to the number that it had then; where the journal is
                # gone, an own id on another number does not show that.
                lenient = options.get("key") == "order" or retried or of[row] not in self.recorded
                assert (messageid, phones[row]) in self.got or (anybody and lenient), "Success for nobody"
        known, _ = self.journal.known_by_key(pa.array(of, pa.large_string()), options.get("campaign"))
        self.recorded |= {key for key, at in zip(of, known.status, strict=True) if at in (0, 1, 3)}

    def way_out(self, refused, options):
        """Take one of the ways that the refusal offers: each works."""
        if "sent under another id" in str(refused):
            self.paste(str(refused), options, self.random.choice([NEW, ANOTHER]))
        elif self.random.choice([True, False]):
            self.frame = self.frame.drop(columns="sys_message_id")
        else:
            fresh = [str(uuid.UUID(int=self.random.getrandbits(128))) for _ in range(len(self.frame))]
            concerned = self.frame.index.isin(refused.rows)
            self.frame = self.frame.assign(sys_message_id=self.frame["sys_message_id"].where(~concerned, fresh))

    def paste(self, said, options, label):
        line = next(line for line in said.splitlines() if line.startswith(label))
        call = line.removeprefix(label)
        names = {"df": self.frame, "client": self.sandbox.client, "journal": self.journal}
        if label == ANOTHER:
            # Only the rows that it is about.
            frame = eval(call.partition(".nxsms.")[0], names).reset_index(drop=True)  # noqa: S307
            kept = {"key": ["phone", "content"]} if "key=['phone', 'content']" in call else {}
            options = {**options, "campaign": another(options.get("campaign"))} | kept
        else:
            frame = eval(re.match(r"df.*\.nxsms\.new\([^)]*\)", call)[0], names).reset_index(drop=True)  # noqa: S307
        try:
            sent = eval(call, names).reset_index(drop=True)  # noqa: S307  to be pasted
        except nx.ColumnError as error:
            # That campaign was tried before, or own ids were used for other messages: another refusal, with its own ways.
            if label == NEW and "sys_message_id" not in str(error):
                raise
        else:
            self.judge(
                frame,
                sent,
                {name: options.get(name) for name in ("campaign", "key")} | {"prefix": options.get("prefix", "")},
                set(),
            )
            self.frame = sent


def another(campaign):
    return "again" if campaign is None else f"{campaign} 2"


@pytest.mark.filterwarnings("ignore::nxsms_nb.AlreadySentWarning")
@pytest.mark.parametrize("seed", range(HISTORIES))
def test_whatever_becomes_of_a_frame_nobody_gets_a_message_twice(make, tmp_path, seed):
    """Nobody is called Success who got nothing, and every refusal offers a way that works."""
    history = History(seed, tmp_path, make(hourly_limit=None))
    for _ in range(STEPS):
        history.step()
    assert len(history.sandbox.requests)


def recombined(chance, frames, tag):
    """Some of the frames, filtered, turned round, with own ids or a merge that multiplied rows, one below the other."""
    parts = []
    for part in range(chance.choice([1, 2, 2, 3])):
        frame = chance.choice(frames)
        if chance.random() < 0.4:
            frame = frame.sample(frac=chance.choice([0.6, 1.0]), random_state=chance.randrange(99))
        if "messageid" not in frame and chance.random() < 0.6:
            own = [f"own-{tag}-{part}-{row:05}" if chance.random() < 0.7 else None for row in range(len(frame))]
            frame = frame.assign(sys_message_id=own)
        parts.append(frame)
    frame = pd.concat(parts, ignore_index=True)
    return frame.loc[frame.index.repeat(chance.choice([1, 1, 1, 2]))].reset_index(drop=True)


@pytest.mark.filterwarnings("ignore::nxsms_nb.AlreadySentWarning")
@pytest.mark.parametrize("duplicates", ["drop", "allow"])
@pytest.mark.parametrize("seed", range(8))
def test_what_a_recombined_frame_says_was_sent_is_not_sent_again_without_the_journal(make, tmp_path, seed, duplicates):
    """No id that it has goes out again and, where duplicates are dropped, no key; nobody is called Success who got nothing."""
    chance, sandbox = random.Random(f"{seed}{duplicates}"), make(hourly_limit=None)
    options = {"campaign": chance.choice([None, "spring"]), "key": chance.choice([None, "order"])}
    key = [options["key"]] if options["key"] else ["phone", "content"] if options["campaign"] is None else ["phone"]
    persons = [chance.randrange(3) for _ in range(4)]
    texts = [chance.choice(["Hi", "Late"]) for _ in persons]
    phones = [str(8615000000000 + person) for person in persons]
    frames = [pd.DataFrame({"phone": phones, "content": texts, "order": persons})]
    for n in range(5):
        frame, seen = recombined(chance, frames, n), len(sandbox.ledger)
        sandbox.faults = chance.choice([None, None, ["lost"], ["close_before"]])
        said = frame[frame["status"].isin(WENT)] if "status" in frame else frame[:0].assign(messageid=None)
        try:
            sent = frame.nxsms.send(
                sandbox.client, **options, duplicates=duplicates, journal=tmp_path / f"{n}.sqlite3", progress="silent"
            )
        except nx.ColumnError:
            assert len(sandbox.ledger) == seen
            continue
        fresh = sandbox.ledger[seen:]
        assert fresh["messageid"].is_unique
        assert not set(fresh["messageid"]) & set(said["messageid"])
        if duplicates == "drop":
            keys_again = sent[sent["messageid"].isin(fresh["messageid"])].merge(said[key].drop_duplicates(), on=key)
            assert not len(keys_again), "sent again although the frame said so"
        accepted = sent.loc[sent["status"] == "Success", ["messageid", "phone"]]
        got = set(zip(sandbox.ledger["messageid"], sandbox.ledger["phone"].astype(str), strict=True))
        assert set(accepted.itertuples(index=False, name=None)) <= got, "Success for nobody"
        frames.append(sent)
