"""Personal data and secrets in a dataset's texts.

Kept libraries decide: `phonenumbers` (telephone numbers), `python-stdnum` (IBAN, card numbers),
`detect-secrets` (keys and tokens of the usual services). What is here finds the candidates that
they are asked about, cheaply enough for a million rows, and keeps out what a dataset of queries is
full of: ids, dates, version numbers, parameters.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from typing import Any, Final

from heimdall_core.errors import missing_extra

#: Kinds, in the order in which reports list them.
KINDS: Final = ("e-mail", "phone", "iban", "card", "ip", "key", "token", "password")

_NUMBERS: Final = re.compile(r"\d[\d .()/+-]{6,}\d|[A-Z]{2}\d\d[ A-Z0-9]")
_LONG: Final = re.compile(r"[A-Za-z0-9_+/=.-]{20}")

_EMAIL: Final = re.compile(
    r"(?<![\w.+-])[A-Za-z0-9_][\w.+%'-]*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,24}\b"
)
_IBAN: Final = re.compile(r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}\b")
_CARD: Final = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])(?!\.\d)")
_IPV4: Final = re.compile(r"(?<![\w.-])(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\d)")
_IPV6: Final = re.compile(r"(?<![\w:])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?![\w:])")
#: Names and networks that are set aside for documentation (RFC 2606, 6761, 5737, 3849, 9637).
_RESERVED_NAME: Final = re.compile(
    r"(?i)@(?:.+\.)?(?:example\.(?:com|net|org)|example|test|invalid|localhost)$"
)
_RESERVED_NETWORKS: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "192.0.2.0/24",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "2001:db8::/32",
        "3fff::/20",
    )
)
_VERSION: Final = re.compile(r"(?i:\bv|version|release|build)\W*$")
#: Written out for the whole world, or grouped as numbers are in one country.
_PHONE: Final = re.compile(
    r"""(?<![\w.+/-])(?:
          (?:\+|00)\ ?[1-9](?:[ ().\-/]{0,3}\d){6,14}                # +49 30 901820, 0044 …
        | (?:1[ .-])?\(\d{3}\)\ ?\d{3}[ .-]?\d{4}                    # (415) 555-2671
        | (?:1[ .-])?[2-9]\d{2}([ .-])\d{3}\1\d{4}                   # 415-555-2671
        | \(?0[1-9]\d{0,4}\)?[ /-](?:\d[ /-]?){4,9}\d                # 030 901820, 020 7946 0958
        )(?:\ ?(?:x|ext\.?)\ ?\d{1,6})?(?![\w-])(?!\.\d)""",
    re.VERBOSE,
)
_DIAL: Final = re.compile(
    r"(?i:\b(?:phone|tel|telephone|mobile|cell|fax|call|dial)\b)[^\d+]{0,24}$"
)
_BARE_PHONE: Final = re.compile(r"(?<![\w.+-])\d{10,12}(?![\w.-])")

#: `name = value` where the name is that of a secret. `$name` and `<name>` are no values.
_ASSIGNED: Final = re.compile(
    r"""(?ix)\b(?P<name>(?:\w+[_-])?(?:pass(?:word|wd|phrase)?|pwd|secret(?:[_-]?key)?
      |api[_-]?key|access[_-]?key(?:[_-]?id)?|auth[_-]?token|access[_-]?token|token|private[_-]?key
      |client[_-]?secret|bearer|credentials?))\b['"`]?\s*(?:=>|:=|[:=]|\bis\b)\s*['"`]?
      (?:bearer\s+)?(?P<value>[^\s'"`,;)}\]<>${(]{6,})"""
)
_BEARER: Final = re.compile(r"(?i:\bbearer\s+)(?P<value>[A-Za-z0-9._~+/-]{16,}=*)")
_TOKENS: Final = re.compile(
    r"""\b(?: (?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]{16}
      | gh[pousr]_[A-Za-z0-9]{30,} | github_pat_\w{22,} | glpat-[\w-]{20,}
      | xox[abeprs]-[A-Za-z0-9-]{10,} | (?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{10,}
      | sk-(?:proj-|ant-|svcacct-)?[A-Za-z0-9_-]{20,} | hf_[A-Za-z0-9]{30,}
      | AIza[\w-]{30,} | ya29\.[\w-]{20,} | SG\.[\w-]{16,}\.[\w-]{16,} | npm_[A-Za-z0-9]{30,}
      | pypi-[\w-]{40,} | dop_v1_[a-f0-9]{40,} | shpat_[a-fA-F0-9]{30,} | key-[0-9a-f]{32}
      | AC[0-9a-f]{32} | SK[0-9a-f]{32} | \d{8,10}:AA[\w-]{30,}
      | eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]* )""",
    re.VERBOSE,
)
_PRIVATE_KEY: Final = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY( BLOCK)?-----")
_URL_PASSWORD: Final = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s:/@'\"]+:(?P<value>[^\s@/'\"]{3,})@")
_LONG_WORD: Final = re.compile(r"(?<![\w/+=-])[A-Za-z0-9_+/=-]{24,}(?![\w/+=-]|\.\w{2,4}\b)")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


def require() -> None:
    """Raises `HeimdallError` where a package is not installed."""
    for name in ("phonenumbers", "stdnum", "detect_secrets"):
        try:
            __import__(name)
        except ImportError as error:
            package = {"stdnum": "python-stdnum", "detect_secrets": "detect-secrets"}.get(name)
            raise missing_extra(package or name, "data", "the search for personal data") from error


def available() -> bool:
    """Whether the packages are there."""
    from importlib.util import find_spec

    return all(find_spec(name) for name in ("phonenumbers", "stdnum", "detect_secrets"))


def find_personal(text: str) -> list[tuple[str, str]]:
    """(kind, the text found), each once; `is_reserved` tells which of them are nobody's."""
    if not _may_hold(text):
        return []
    found: dict[tuple[str, str], None] = {}
    taken: list[tuple[int, int]] = []
    for kind, finder in _FINDERS:
        for start, end in finder(text):
            # A telephone number inside a card number is none.
            if all(end <= other or start >= until for other, until in taken):
                taken.append((start, end))
                found[kind, text[start:end]] = None
    return list(found)


def _may_hold(text: str) -> bool:
    """Whether a text is worth a closer look: most texts end here. Cheap tests one by one; one
    expression for all of them takes ten times as long."""
    if "@" in text or "-----BEGIN" in text or _NUMBERS.search(text) or text.count(":") > 5:
        return True
    lower = text.lower()
    if (
        "pass" in lower
        or "pwd" in lower
        or "secret" in lower
        or "token" in lower
        or "key" in lower
        or "bearer" in lower
        or "credential" in lower
    ):
        return True
    return any(len(word) >= 20 and _LONG.search(word) for word in text.split())


def is_reserved(kind: str, text: str) -> bool:
    """Whether a finding can be nobody's: an address under a name or in a network that is set aside
    for documentation, such as `ada@example.org` and `192.0.2.7`."""
    if kind == "e-mail":
        return _RESERVED_NAME.search(text) is not None
    if kind == "ip":
        address = ipaddress.ip_address(text)
        return any(address in network for network in _RESERVED_NETWORKS)
    return False


def masked(text: str) -> str:
    """Enough of a finding to find it again, and no more: a report must not spread it."""
    keep = min(4, len(text) // 4)
    return text[:keep] + "…" + f" ({len(text)} characters)"


def _emails(text: str) -> Iterator[tuple[int, int]]:
    return (m.span() for m in _EMAIL.finditer(text)) if "@" in text else iter(())


def _ibans(text: str) -> Iterator[tuple[int, int]]:
    from stdnum import iban

    for match in _IBAN.finditer(text):
        # Greedy: words in capitals may follow. The longest beginning that is one counts.
        for end in range(match.end(), match.start() + 14, -1):
            candidate = text[match.start() : end]
            if candidate[-1].isalnum() and iban.is_valid(candidate, check_country=False):
                yield match.start(), end
                break


def _cards(text: str) -> Iterator[tuple[int, int]]:
    from stdnum import luhn

    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        # First digits and lengths that are handed out; others are ids.
        handed_out = re.match(
            r"4(?:\d{12}|\d{15})$|(?:5[1-5]|2[2-7])\d{14}$|3[47]\d{13}$|3(?:0[0-5]|[689]\d)"
            r"\d{11,13}$|6(?:011|5\d\d|4[4-9]\d)\d{12}$|35\d{14}$|(?:50|5[6-9]|6\d)\d{14}$",
            digits,
        )
        if handed_out and luhn.is_valid(digits):
            yield match.span()


def _addresses(text: str) -> Iterator[tuple[int, int]]:
    for match in _IPV4.finditer(text):
        if not _VERSION.search(text[: match.start()]) and _is_address(match[0]):
            yield match.span()
    if ":" in text:
        for match in _IPV6.finditer(text):
            whole = match[0].strip(":")
            if sum(c.isdigit() for c in whole) and len(whole) > 6 and _is_address(match[0]):
                yield match.span()


def _is_address(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    # 0.0.0.0 and 127.0.0.1 are everybody's.
    return not (address.is_unspecified or address.is_loopback)


def _phones(text: str) -> Iterator[tuple[int, int]]:
    import phonenumbers

    for match in (*_PHONE.finditer(text), *_BARE_PHONE.finditer(text)):
        number = match[0]
        if match.re is _BARE_PHONE and not _DIAL.search(text[: match.start()]):
            continue
        if number.startswith("00"):
            number = "+" + number[2:].lstrip()
        regions = (None,) if number.startswith("+") else ("US", "DE", "GB", "FR")
        for region in regions:
            try:
                parsed = phonenumbers.parse(number, region)
            except phonenumbers.NumberParseException:
                continue
            if phonenumbers.is_possible_number(parsed):
                yield match.span()
                break


def _private_keys(text: str) -> Iterator[tuple[int, int]]:
    return (m.span() for m in _PRIVATE_KEY.finditer(text)) if "BEGIN" in text else iter(())


def _tokens(text: str) -> Iterator[tuple[int, int]]:
    for match in _TOKENS.finditer(text):
        yield match.span()
    for match in _BEARER.finditer(text):
        yield match.span("value")
    long_words = [w for w in _LONG_WORD.finditer(text) if not _UUID.search(w[0])]
    if not long_words:
        return
    for detector in _detectors():
        for secret in detector.analyze_string(text):
            at = text.find(secret) if isinstance(secret, str) else -1
            if at >= 0:
                yield at, at + len(secret)
    for word in long_words:
        if _random(word[0]):
            yield word.span()


def _passwords(text: str) -> Iterator[tuple[int, int]]:
    for match in _URL_PASSWORD.finditer(text):
        yield match.span("value")
    for match in _ASSIGNED.finditer(text):
        if _secretive(match["value"], match["name"]):
            yield match.span("value")


def _secretive(value: str, name: str) -> bool:
    """Whether a value looks chosen to be secret, and not like a word or a name of a property."""
    kinds = sum(
        any(test(c) for c in value)
        for test in (str.islower, str.isupper, str.isdigit, lambda c: not c.isalnum() and c != "_")
    )
    if re.fullmatch(r"[\w]+\.\w+(\.\w+)*", value) and "pass" not in name.lower():
        return False  # n.token = m.token
    return kinds >= 3 or (kinds == 2 and any(c.isdigit() for c in value) and len(value) >= 8)


def _random(word: str) -> bool:
    """Whether a long word has the entropy of a key: mixed case and digits, no readable parts.
    A hexadecimal word alone is an id or a digest, and those are in every database."""
    if not (any(map(str.isdigit, word)) and any(map(str.islower, word))):
        return False
    if not any(map(str.isupper, word)) or re.fullmatch(r"[0-9a-fA-F-]+", word):
        return False
    counts = Counter(word)
    entropy = -sum(n / len(word) * math.log2(n / len(word)) for n in counts.values())
    # Words joined by underscores, and CamelCase, change between letters and digits seldom.
    changes = sum(
        (a.isdigit() != b.isdigit()) or (a.isupper() and b.islower()) for a, b in pairwise(word)
    )
    return entropy >= 4.0 and changes >= len(word) / 5


@cache
def _detectors() -> tuple[Any, ...]:
    """The detectors of detect-secrets that know a service by the shape of its tokens."""
    from detect_secrets.plugins import (
        artifactory,
        azure_storage_key,
        cloudant,
        discord,
        gitlab_token,
        ibm_cloud_iam,
        mailchimp,
        npm,
        openai,
        pypi_token,
        sendgrid,
        slack,
        square_oauth,
        stripe,
        telegram_token,
        twilio,
    )
    from detect_secrets.plugins.base import RegexBasedDetector

    modules = (
        *(artifactory, azure_storage_key, cloudant, discord, gitlab_token, ibm_cloud_iam),
        *(mailchimp, npm, openai, pypi_token, sendgrid, slack, square_oauth, stripe),
        *(telegram_token, twilio),
    )
    return tuple(
        kind()
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type)
        and issubclass(kind, RegexBasedDetector)
        and kind.__module__ == module.__name__
    )


_FINDERS: Final[tuple[tuple[str, Callable[[str], Iterator[tuple[int, int]]]], ...]] = (
    ("key", _private_keys),
    ("token", _tokens),
    ("password", _passwords),
    ("e-mail", _emails),
    ("iban", _ibans),
    ("card", _cards),
    ("ip", _addresses),
    ("phone", _phones),
)
