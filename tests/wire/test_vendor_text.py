"""Texts of the gateway: whatever disguise they quote a row in, neither its number nor its words are kept."""

import base64
import html
import random
import unicodedata
import urllib.parse

import pytest

from nxsms_nb.formatting import mask_digits
from nxsms_nb.wire import codes
from nxsms_nb.wire.vendor_text import unquoted

DIGITS = [range(zero, zero + 10) for zero in (0x30, 0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xE50, 0xFF10, 0x1D7CE, 0x1D7E2)]
NUMERALS = "〇一二三四五六七八九"
SEPARATORS = ["-", " ", ".", "/", ", ", " - ", "_", "·", "\u200b", "\u00a0", "|", ")(", "*", "\n"]
CONTENTS = [
    "Come to the Casino tonight",
    "Ihr Termin bei Dr. Müller-Lüdenscheidt am 03.12. um 09:30",
    "您的包裹已到达，请凭取件码领取",
    "Ваш заказ отправлен сегодня",
    "本日のご予約を承りました",
    "오늘 예약이 확인되었습니다",
    "عرض خاص اليوم",
    "Zanzibar weekend special 4711",
]
FIELDS = ["ACME Holdings", "order-2291-Kestrel"]
PHRASES = [
    "Blocked: {}",
    "{} refused by operator",
    "rejected <{}> (policy 77)",
    "关键词：{}",
    "sender said '{}' twice: {}",
    "{}",
    "Nachricht an {} nicht zugestellt",
]


def phone(rng):
    return rng.choice(["86150888", "49151", "1415555", "4477009"]) + "".join(str(rng.randrange(10)) for _ in range(5))


def number_disguises(number, rng):
    script, between = rng.choice(DIGITS), rng.choice(SEPARATORS)
    size = rng.randrange(1, 5)
    groups = [number[i : i + size] for i in range(0, len(number), size)]
    return [
        number,
        f"+{number}",
        f"00{number}",
        number[rng.randrange(4) :],
        "".join(chr(script[int(digit)]) for digit in number),
        between.join(number),
        between.join(groups),
        between.join(chr(script[int(digit)]) for digit in number),
        "".join(NUMERALS[int(digit)] for digit in number),
        urllib.parse.quote(" ".join(number)),
        "".join(f"&#{ord(digit)};" for digit in number),
        "".join(f"\\u{ord(digit):04x}" for digit in number),
        number.encode().hex(),
        number.encode("utf-16-be").hex().upper(),
        base64.b64encode(rng.randbytes(rng.randrange(3)) + number.encode()).decode(),
    ]


def text_disguises(text, rng):
    words = text.split()
    between = rng.choice(SEPARATORS)
    return [
        text,
        text.upper(),
        text.casefold(),
        "".join(words),
        "".join(character for character in text if character.isalnum()),
        between.join(words),
        between.join(text),
        unicodedata.normalize("NFD", text),
        unicodedata.normalize("NFKC", text),
        "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
        urllib.parse.quote(text),
        html.escape(text),
        "".join(f"&#x{ord(character):x};" for character in text),
        "".join(f"\\u{ord(character):04x}" if ord(character) > 127 else character for character in text),
        text.encode().hex(),
        text.encode("utf-16-be").hex(),
        base64.b64encode(text.encode()).decode(),
        rng.choice([word for word in words if len(word) > 4] or words),
    ]


def plain(text):
    """Letters and digits alone, of one case and script, as somebody reads them who wants to."""
    text = urllib.parse.unquote(html.unescape(text))
    folded = unicodedata.normalize("NFKD", text.translate(str.maketrans(NUMERALS, "0123456789"))).casefold()
    kept = [character for character in folded if character.isalnum()]
    return "".join(str(unicodedata.digit(character, character)) for character in kept)


OWN = plain(" ".join(code.text for code in codes.TABLE.values()))


def runs(text, size):
    return {text[i : i + size] for i in range(len(text) - size + 1)}


@pytest.mark.parametrize("seed", range(8))
def test_nothing_of_a_row_is_kept_in_any_disguise(seed):
    """No four digits of its number, no word and no six characters of its text are left."""
    rng = random.Random(seed)
    for _ in range(10):
        number, content, field = phone(rng), rng.choice(CONTENTS), rng.choice(FIELDS)
        row = [number, content, field]
        for quoted in (*number_disguises(number, rng), *text_disguises(content, rng), *text_disguises(field, rng)):
            said = rng.choice(PHRASES).format(quoted, quoted)
            kept = unquoted(said, row)
            left = plain(kept)
            about = (said, kept)
            assert not runs(left, 4) & runs(number, 4), about
            size = 2 if any(ord(character) > 0x2E80 for character in content) else 6
            for text in (content, field):
                bare = plain(text)
                common = {run for run in runs(left, size) & runs(bare, size) if run not in OWN}
                assert not {run for run in common if not run.isascii() or size == 6}, about
            for secret in (number, content, field):
                for coded in (secret.encode().hex(), secret.encode("utf-16-be").hex()):
                    assert not runs(left, 10) & runs(coded, 10), about


@pytest.mark.parametrize("code", codes.TABLE.values(), ids=lambda code: str(code.number))
def test_the_vendors_own_words_stay(code):
    """Even where a message has the same words, and in other case."""
    for text in (code.text, code.text.upper()):
        if not any(character.isdecimal() for character in text):
            assert unquoted(text, [f"Dear customer: {code.text}", "8615088888888"]) == text


@pytest.mark.parametrize(
    "text",
    [
        "Operator said no",
        "HTTP 502 from upstream, try later",
        "rejected by DLT template check (error 3321)",
        "手机已停机",
        "Nummer existiert nicht",
        "route down since 2026-11-27 10:00",
    ],
)
def test_what_quotes_nothing_stays(text):
    """A reason nobody knows is still a reason."""
    assert unquoted(text, ["8615088888888", "Come to the Casino tonight", "ACME"]) == text


@pytest.mark.parametrize("script", DIGITS)
def test_other_peoples_numbers_are_masked_in_any_script(script):
    """A text may name a number that is not the row's own."""
    written = "".join(chr(script[int(digit)]) for digit in "4915112345678")
    for text in (written, " ".join(written), "-".join(written), f"{written[:4]} / {written[4:]}"):
        assert not runs(plain(mask_digits(f"also sent to {text}")), 6) & runs("4915112345678", 6)
