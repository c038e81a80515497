"""What the tests of the views' words share: what counts as a word of English that was left over."""

import html
import re

CHINESE = re.compile(r"[\u4e00-\u9fff]")
NAMES = (
    r'\w+="?\S*', r'"\w+"', r"\{[\w|:.]+\}", r"\w+\(\w*\)", r"(?:df|nx|sent|people)\.[\w.]+(?:\(client\))?", r"https?://\S*",
    "short_link", r"\.\w+", "base_url", r"path\b", "access (?:secret|key)", "app[ _]?[Kk]ey", "Retry-After", "Ctrl\\+C", "Unknown",
    "max_rate", "HTTP", "TPS", r"IP\b", "SMS", "API", "UTC", "UTF", "ISO", r"ID\b", r"GB\b", r"DE\b", "GSM-7", "UCS-2", "md5", "sha256",
    "nan", "None", "NaT", "<NA>", "null", "undefined", r"inf\b", "#NAME", r"M\S+ller",
)  # fmt: skip
"""What is written the same in both languages: names of arguments, calls and statuses as a frame has them."""
KEPT = re.compile("|".join(NAMES))


def english_of(text):
    """The English words of a text that should have none."""
    return re.findall(r"[A-Za-z]{2,}", KEPT.sub("", text))


def seen(page):
    """What a person sees or hears of HTML: its texts, titles and labels."""
    spoken = re.findall(r'(?:title|aria-label|alt|placeholder)="([^"]*)"', page)
    return html.unescape(" ".join([re.sub(r"<style>.*?</style>|<[^>]*>", " ", page), *spoken]))
