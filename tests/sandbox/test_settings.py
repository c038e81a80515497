"""The simulated gateway's settings, keys and client."""

import inspect

import pytest

from nxsms_nb.errors import ConfigError
from nxsms_nb.sandbox import Sandbox
from nxsms_nb.sandbox.settings import DECLARED, Settings
from tests.sandbox.talk import items, refused, send


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"seed": 1.5}, "seed=1.5"),
        ({"latency": -1}, "latency=-1"),
        ({"latency": (2, 1)}, "latency"),
        ({"latency": float("nan")}, "latency"),
        ({"tps": 0}, "tps=0"),
        ({"limiter": "leaky"}, "'bucket', 'window'"),
        ({"per": "day"}, "'request', 'item'"),
        ({"balance": -1}, "balance=-1"),
        ({"balance": 1.5}, "balance=1.5"),
        ({"blocked_keywords": "casino"}, "('casino', 'loan')"),
        ({"refuse": 0}, "refuse=0"),
        ({"refuse": 4711}, "nx.codes()"),
        ({"hourly_limit": True}, "hourly_limit"),
        ({"failures": {4711: 0.1}}, "4711"),
        ({"failures": {0: 0.1}}, "0"),
        ({"failures": {13005: 1.1}}, "1.1"),
        ({"failures": {13005: 0.6, 13009: 0.6}}, "1.200"),
        ({"failures": {"XX": {13005: 0.1}}}, "'XX'"),
        ({"failures": {"IN": 0.1}}, "'IN'"),
        ({"failures": "real"}, "'realistic'"),
        ({"rewrite_phones": "yes"}, "rewrite_phones"),
    ],
    ids=str,
)
def test_a_setting_that_is_not_usable_is_refused_with_its_value(sandbox, settings, words):
    """Both at the start and later; a refused change leaves everything as it was."""
    with pytest.raises(ConfigError) as at_start:
        Sandbox(**settings)
    assert words in str(at_start.value)
    before = sandbox.settings
    with pytest.raises(ConfigError):
        sandbox.change(**settings)
    assert sandbox.settings is before
    assert send(sandbox, items(1))["code"] == 0


def test_an_unknown_setting_is_refused(sandbox):
    """A name that is no setting is an error that lists those that are."""
    for name in ("speed", "seed", "port"):
        with pytest.raises(ConfigError, match=rf"'{name}' is not a setting to change.*latency"):
            sandbox.change(**{name: 1})


def test_settings_are_attributes(sandbox):
    """A setting reads as it is, and counts from its assignment on."""
    assert sandbox.verification_channel is False
    sandbox.verification_channel = True
    assert sandbox.verification_channel is True
    assert send(sandbox, items(6)) == refused(13010)
    with pytest.raises(ConfigError, match="tps=-1"):
        sandbox.tps = -1


def test_the_signature_has_each_setting_with_its_default():
    """Shift-Tab and the documentation show every setting, in the order and with the default that hold."""
    shown = {
        name: parameter.default
        for name, parameter in inspect.signature(Sandbox).parameters.items()
        if name not in ("port", "access_key", "access_secret", "app_key", "app_secret", "journal")
    }
    held = {name: setting.default for name, setting in DECLARED.items()}
    assert list(shown) == list(held)
    assert shown == held | {"delivery": None}
    assert all(f"\n{name} : " in inspect.getdoc(Sandbox) for name in shown)


def test_settings_at_hand_do_not_change(sandbox):
    """All settings as they are now stay as they were read; they are assigned on the sandbox."""
    before = sandbox.settings
    with pytest.raises(AttributeError, match="Assign it to the sandbox"):
        before.tps = 5.0
    sandbox.tps = 5.0
    assert (before.tps, sandbox.tps) == (None, 5.0)
    assert repr(Settings(tps=5.0)) == "Settings(tps=5.0)"


def test_the_repr_shows_settings_and_no_secret(make):
    """What differs from the defaults is shown; keys are not."""
    sandbox = make(tps=500.0, access_secret="open-sesame", app_secret="open-barley")
    assert repr(sandbox) == f"Sandbox('{sandbox.url}', seed=7, tps=500.0)"
    sandbox.close()
    assert repr(sandbox) == f"Sandbox('{sandbox.url}', closed, seed=7, tps=500.0)"
    for secret in ("open-sesame", "open-barley"):
        assert secret not in repr(sandbox) + repr(sandbox.settings) + repr(sandbox._keys)


def test_keys_are_given_or_made_from_the_seed(make):
    """The same seed has the same keys, another seed others; given ones are taken."""
    first, same, other = make(), make(), make(seed=8, app_key="mine")
    names = ("access_key", "access_secret", "app_key", "app_secret")
    assert [getattr(first, name) for name in names] == [getattr(same, name) for name in names]
    assert all(getattr(first, name) != getattr(other, name) for name in names)
    assert other.app_key == "mine"


def test_the_client_is_set_up_for_the_gateway(make):
    """The client has the gateway's keys and address, says that it is simulated, and is the same each time."""
    sandbox = make()
    client = sandbox.client
    assert client is sandbox.client
    assert (client.base_url, client.query_url) == (sandbox.url, sandbox.url)
    assert (client.access_key, client.app_key) == (sandbox.access_key, sandbox.app_key)
    assert client.simulated
    assert client.on_loopback
