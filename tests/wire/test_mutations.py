"""The client's reading of spoiled replies against the plain reader's; ``python -m tests.support.mutations`` reads millions."""

import pytest

from tests.support.mutations import KINDS, compared, plainly, storm


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_read_that_the_plain_reader_does_not_read(kind):
    """Of replies spoiled at random the client understands at most what a full and slow reading does."""
    found = storm(kind, 0, 800)
    assert found["more"] == 0
    assert found["same"] > 0
    assert found["understood"] > 0


def test_the_plain_reader_reads_the_vendors_shape():
    """The reader that the client is held to knows acceptance, refusal and doubt."""
    accepted = b'{"code":0,"message":"Success","data":[{"phone":"1","messageid":"a","status":"Success"}]}'
    assert plainly(accepted, ["a", "b"]) == (0, ["Success", None])
    assert plainly(b'{"code":9000,"message":"no","data":null}', ["a"]) == (9000, None)
    assert plainly(accepted.replace(b'"code":0', b'"code":0,"code":0'), ["a"]) is None
    assert plainly(accepted.replace(b'"a"', b'"\\u0061"'), ["a"]) == (0, ["Success"])


@pytest.mark.parametrize(
    ("mine", "plain", "how"),
    [
        ((0, ["Success"]), (0, ["Success"]), "same"),
        (None, (0, ["Success"]), "less"),
        ((0, [None]), (0, ["Success"]), "less"),
        ((0, ["Success"]), (0, [None]), "more"),
        ((0, ["Success"]), None, "more"),
        ((9000, None), (9000, ["Success"]), "more"),
        ((0, [("Failure", "x")]), (0, [("Failure", "y")]), "more"),
    ],
)
def test_the_comparison_of_two_readings_can_fail(mine, plain, how):
    """Saying less is no fault; any other difference is one."""
    assert compared(mine, plain) == how
