"""What the tests of the views' words share: what counts as a word of English that was left over."""

import re

CHINESE = re.compile(r"[\u4e00-\u9fff]")
KEPT = re.compile(
    r"max_failures=\S*|max_rate=?|base_url|path\b|access (?:secret|key)|app ?[Kk]ey|Retry-After|HTTP|TPS|IP\b|SMS|"
    r"sent\.nxsms\.\w+\(client\)|people\.nxsms\.\S+|md5|sha256|Unknown|https?://\S+|UTC|API"
)
"""What is written the same in both languages: names of arguments, calls and statuses as a frame has them."""


def english_of(text):
    """The English words of a text that should have none."""
    return re.findall(r"[A-Za-z]{2,}", KEPT.sub("", text))


def seen(html):
    """What a person sees or hears of HTML: its texts, titles and labels."""
    spoken = re.findall(r'(?:title|aria-label|alt|placeholder)="([^"]*)"', html)
    return " ".join([re.sub(r"<style>.*?</style>|<[^>]*>", " ", html), *spoken])
