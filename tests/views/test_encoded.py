"""What widgets are sent is JSON, whatever classes the values have."""

import json

import numpy as np
import pytest

from nxsms_nb.views.encoded import as_json


class _Word(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("view", "shown"),
    [
        (
            {"rows": np.int64(3), "share": np.float64(0.5), "live": np.bool_(True)},
            {"rows": 3, "share": 0.5, "live": True},
        ),
        ({"rates": np.array([0.5, np.nan])}, {"rates": [0.5, None]}),
        ({_Word("name"): _Word("A")}, {"name": "A"}),
        ({np.str_("name"): np.str_("A"), "rows": [np.int32(1)]}, {"name": "A", "rows": [1]}),
        ({"rate": float("inf"), "low": float("nan")}, {"rate": None, "low": None}),
        ({"half": ["a\ud800", {"\udfff": 1}]}, {"half": ["a?", {"?": 1}]}),
        ({"text": '"\\\x00\x1f\u2028牛😀'}, {"text": '"\\\x00\x1f\u2028牛😀'}),
        ({"rows": 2**63, "pair": (1, 2)}, {"rows": 2**63, "pair": [1, 2]}),
    ],
)
def test_values_of_any_class_are_sent_as_json(view, shown):
    """Numbers and texts of NumPy, subclasses, what is not finite, and halves of surrogate pairs are JSON that a page reads."""
    assert json.loads(as_json(view)) == shown


def test_what_json_has_no_form_for_is_an_error():
    """A value of another kind is an error that names its class."""
    with pytest.raises(TypeError, match="object"):
        as_json({"what": object()})
