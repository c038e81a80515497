"""Errors as a notebook shows them: every wrong call of every verb, in a real kernel, in three to six lines."""

import ast
import re

import nbformat
import pytest
from nbclient import NotebookClient

import nxsms_nb as nx
from nxsms_nb.accessor import NxsmsAccessor
from nxsms_nb.plot_accessor import NxsmsPlots

SETUP = """
import os
for name in [name for name in os.environ if name.startswith("NXSMS_")]:
    del os.environ[name]
import pandas as pd
import nxsms_nb as nx
sandbox = nx.Sandbox(seed=7)
client = sandbox.client
df = pd.DataFrame({"phone": ["8615088800001", "8615088800002"], "content": ["Hi", "Ho"], "name": ["a", "b"]})
sent = df.nxsms.send(client, campaign="c", progress="silent")
KEYS = {"access_key": "k", "access_secret": "geheim", "app_key": "a"}
"""

SENDING = ("df.nxsms.send(client, {})", "await df.nxsms.asend(client, {})", "df.nxsms.start(client, {})",
           "sent.nxsms.retry(client, {})")  # fmt: skip
LOOKING = ("df.nxsms.plan(client, {})", "df.nxsms.recorded(client, {})", "sent.nxsms.reconcile(client, {})")
RESULTS = tuple(
    f"sent.nxsms.{prefix}{name}({{}})"
    for prefix, owner, others in (
        (
            "",
            NxsmsAccessor,
            {"plot", "render", "validate", *(call.split(".")[2].split("(")[0] for call in SENDING + LOOKING)},
        ),
        ("plot.", NxsmsPlots, set()),
    )
    for name in dir(owner)
    if not name.startswith("_") and name not in others
)
OTHERS = ("df.nxsms.render('Hi', {})", "df.nxsms.validate({})", "list(nx.send_stream([df], client, {}))")
CALLS = {
    "an unknown option": ("campain='x'", (*SENDING, *LOOKING, *RESULTS, *OTHERS)),
    "a wrong column": ("content='txt'", (*SENDING, *LOOKING, "df.nxsms.validate({})")),
    "a constant": ("source_address='ACME'", (*SENDING, *LOOKING, "df.nxsms.validate({})")),
    "a key": ("key=[]", ("df.nxsms.send(client, {})", "df.nxsms.plan(client, {})", "df.nxsms.validate({})")),
    "a prefix": ("prefix=5", (*SENDING, *LOOKING, *RESULTS)),
    "a campaign": ("campaign=5", (*SENDING, *LOOKING)),
    "a journal": ("journal=5", (*SENDING, *LOOKING)),
    "a value": ("duplicates='x'", (*SENDING, *LOOKING, "df.nxsms.validate({})")),
    "progress": ("progress='loud'", SENDING),
    "too much by position": (
        "1, 2, 3, 4, 5, 6",
        tuple(call.replace("client, ", "").replace("'Hi', ", "") for call in (*SENDING, *LOOKING, *RESULTS, *OTHERS)),
    ),
}
SINGLE = (
    "df.nxsms.send()",
    "df.nxsms.plan('client')",
    "df[['name']].nxsms.send(client)",
    "df.rename(columns={'content': '\\ufeffcontent'}).nxsms.validate()",
    "pd.concat([df, df]).nxsms.send(client)",
    "df.assign(status=1).nxsms.send(client)",
    "df[['phone', 'phone', 'content']].nxsms.send(client)",
    "df.nxsms.validate(phone='name').raise_if_bad()",
    "df.nxsms.sned(client)",
    "df.nxsms.plot.statsu()",
    "df.nxsms.summary()",
    "sent.drop(columns='code').nxsms.failures()",
    "sent.nxsms.failures(by='nope')",
    "sent.nxsms.throughput(freq='1 parsec')",
    "sent.nxsms.retry(client, codes='x')",
    "sent.nxsms.reconcile(client, absent='x')",
    "df.nxsms.render()",
    "df.nxsms.render('{nmae}')",
    "df.nxsms.render('{')",
    "df.nxsms.render('{name:.2f}')",
    "df.nxsms.render({'a': 'x'}, by='nmae')",
    "nx.send_stream([df], client)",
    "nx.send_stream()",
    "nx.codes(4711)",
    "df.nxsms.try_out(client)",
    "df.nxsms.try_out(to='+4915112345678')",
    "df.nxsms.validate(region='de')",
    "df.nxsms.plan(campaign='spring')",
    "sent.nxsms.retry()",
    "nx.send_stream([df], campaign='spring')",
    "df.nxsms.try_out(client, to='phone')",
    "df.nxsms.try_out(client, to='+4915112345678', rows=11)",
    "list(nx.send_stream([5], client, campaign='x'))",
    "nx.send_stream(5, client, campaign='x')",
    "nx.Clinet",
    "nx.Client()",
    "nx.Client(acess_key='x')",
    "nx.Client('a', 'geheim', 'c')",
    "nx.Client(**KEYS, timeout='x')",
    "nx.Client(**KEYS, base_url='api')",
    "nx.Client(**KEYS, acces_secret='geheim')",
    "nx.Client.from_env()",
    "nx.Client.from_env('nope.env')",
    "nx.Client.from_env(**KEYS, tiemout=3)",
    "client.sned",
    "nx.Sandbox(sed=7)",
    "nx.Sandbox(7)",
    "nx.Sandbox(tps=-1)",
    "nx.Sandbox(failures={13005: 2})",
    "sandbox.tps = 'x'",
    "sandbox.failuers = {}",
    "sandbox.ledgre",
    "nx.Journal(5)",
    "nx.Journal(pth='x')",
    "nx.Journal('/dev/null').campaigns()",
    "nx.options.confirm_above = 'x'",
    "nx.options.confirm_abov = 5",
    "nx.options.confirm_abov",
)


def cells():
    for given, templates in CALLS.values():
        for template in templates:
            yield template.format(given).replace("'Hi', 1, 2", "1, 2")
    yield from SINGLE


@pytest.fixture(name="shown", scope="module")
def _shown(tmp_path_factory):
    """Each wrong call, within a cell of some lines, with the lines that it shows."""
    sources = [f"x = 1\ny = 2\nz = 3\n{cell}\nx = 4\ny = 5" for cell in cells()]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in [SETUP, *sources]])
    path = tmp_path_factory.mktemp("errors")
    NotebookClient(notebook, allow_errors=True, timeout=120, resources={"metadata": {"path": str(path)}}).execute()
    first, *others = notebook.cells
    assert not [output for output in first.outputs if output.output_type == "error"], first.outputs
    return {
        cell: [output for output in shown.outputs if output.output_type == "error"]
        for cell, shown in zip(cells(), others, strict=True)
    }


@pytest.mark.parametrize("cell", list(cells()))
def test_a_wrong_call_shows_three_to_six_lines(shown, cell):
    """What is wrong, what to do, and the person's own line; no secret, and nothing of the package."""
    (error,) = shown[cell]
    lines = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error.traceback)).splitlines()
    assert 3 <= len(lines) <= 6, lines
    assert lines[0].startswith(f"{error.ename}: "), lines
    assert lines[-1].strip().endswith(cell), lines
    assert all(line.strip() for line in lines)
    assert "geheim" not in "\n".join(line for line in lines if cell not in line)
    assert "site-packages" not in "\n".join(lines)
    assert "nxsms_nb/" not in "\n".join(lines)


def test_the_cells_are_calls_of_every_verb():
    """Whatever the accessor offers is called wrongly here, and each public name that can be called."""
    called = {node.attr for cell in cells() for node in ast.walk(ast.parse(cell)) if isinstance(node, ast.Attribute)}
    assert {name for name in dir(NxsmsAccessor) if not name.startswith("_")} <= called
    assert {"Client", "Sandbox", "Journal", "options", "send_stream"} <= called & {*dir(nx)}


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("df.nxsms.send(client, campain='x')", "Did you mean campaign?"),
        ("df.nxsms.sned(client)", "Did you mean send?"),
        ("nx.Clinet", "Did you mean Client?"),
        ("nx.Client(acess_key='x')", "Did you mean access_key?"),
        ("sandbox.failuers = {}", "Did you mean failures?"),
        ("nx.options.confirm_abov = 5", "Did you mean confirm_above?"),
        ("df.nxsms.render()", "render() needs template."),
        ("df.nxsms.send(1, 2, 3, 4, 5, 6)", "send() takes only client by position, but 6 were given."),
        ("sent.nxsms.retry(1, 2, 3, 4, 5, 6)", "retry() takes only client, codes by position, but 6 were given."),
        ("df.nxsms.validate(region='de')", "Did you mean region='DE'?"),
        ("df.nxsms.try_out(to='+4915112345678')", "then df.nxsms.try_out(client, to=to, rows=3)."),
        ("nx.Sandbox(7)", "takes no values by position, but 1 were given."),
        ("df.rename(columns={'content': '\\ufeffcontent'}).nxsms.validate()", r"content='\ufeffcontent'"),
    ],
)
def test_what_was_meant_is_proposed(shown, cell, words):
    """A typo is answered with the name that is like it."""
    (error,) = shown[cell]
    assert words in "\n".join(error.traceback)
