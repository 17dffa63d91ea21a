"""What the Cypher plugin promises for every text, as one function, and texts to try it on."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import FrameType

from cypher_mutations import KINDS, mutate, tokens

from heimdall_core.types import CheckRequest
from heimdall_lang_cypher.checker import check
from heimdall_lang_cypher.complexity import complexity
from heimdall_lang_cypher.dialects import NAMES
from heimdall_lang_cypher.extract import extract
from heimdall_lang_cypher.normalise import normalise
from heimdall_lang_cypher.parser import parse
from heimdall_lang_cypher.printer import print_query
from heimdall_lang_cypher.syntax_errors import CypherSyntaxError

CONSTRUCTS = (
    Path(__file__).parents[1] / "plugins" / "heimdall_lang_cypher" / "every_construct.cypher"
)
#: Longer than any text of a fuzz run may take.
SECONDS = 5
SCHEMA = {
    "nodes": {"A": {"properties": {"x": "INTEGER", "name": "STRING"}}, "B": {"properties": {}}},
    "relationships": [{"type": "R", "from": "A", "to": "B", "properties": {"since": "DATE"}}],
    "indexes": [{"label": "A", "properties": ["x"]}],
}
_CHARACTERS = "()[]{}<>-=+*/%^|&!:;,.'\"`$@#\\ \n\tabnRx019_é\u2028\0\ud800\U0001f600"


class Hang(BaseException):
    """A text took longer than `SECONDS`."""


def attempt(text: str) -> bool:
    """Whether `text` parses. Raises AssertionError where the plugin breaks a promise, whatever
    unexpected exception it lets through, and `Hang`."""
    for dialect in NAMES:
        request = CheckRequest(dialect=dialect, schema=SCHEMA)
        assert isinstance(check(text, request), tuple)
    extract(text)
    try:
        script = parse(text)
    except CypherSyntaxError as error:
        finding = error.finding()
        assert finding.line >= 1, text
        assert finding.column >= 1, text
        assert finding.message, text
        return False
    if "\ud800" not in text:
        printed = print_query(script)
        assert parse(printed) == script, printed
    if len(script.statements) == 1:
        complexity(text)
        canonical = normalise(text).canonical
        assert normalise(canonical).canonical == canonical, text
    return True


def seeds() -> list[str]:
    """A query for every construct."""
    lines = CONSTRUCTS.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("//")]


def texts(seed: int) -> Iterator[str]:
    """Texts without end: constructs mixed, spoilt and bitten, and what came of them before."""
    random = Random(seed)
    pool = seeds()
    kinds = list(KINDS)
    while True:
        text = random.choice(pool)
        for _ in range(random.choice((1, 1, 2, 3, 6))):
            text = _changed(text, pool, kinds, random)
        yield text[:4000]
        if random.random() < 0.02 and len(text) < 600:
            pool.append(text)


def _changed(text: str, pool: list[str], kinds: list[str], random: Random) -> str:
    choice = random.random()
    if choice < 0.45:
        return mutate(text, random.choice(kinds), random) or text
    if choice < 0.7:
        one, other = tokens(text), tokens(random.choice(pool))
        if one and other:
            start = random.randrange(len(other))
            at = random.randrange(len(one) + 1)
            one[at : at + random.randrange(4)] = other[start : start + random.randrange(1, 12)]
        return "".join(one)
    at = random.randrange(len(text) + 1)
    if choice < 0.85:
        return text[:at] + random.choice(_CHARACTERS) + text[at + random.randrange(2) :]
    if choice < 0.92:
        return text[:at]
    return f"{text} {random.choice(pool)}"


def run(seed: int, seconds: float, count: int = 10**12) -> tuple[int, int]:
    """Tries texts for `seconds`, or until `count`: how many, and how many of them parsed."""
    tried = parsed = 0
    end = time.monotonic() + seconds
    with _Watch():
        for text in texts(seed):
            if tried >= count or time.monotonic() > end:
                break
            signal.setitimer(signal.ITIMER_REAL, SECONDS)
            try:
                parsed += attempt(text)
            except BaseException as error:
                error.add_note(f"text: {text!r}")
                raise
            tried += 1
    return tried, parsed


class _Watch:
    """Raises `Hang` in the running code when the timer ends."""

    def __enter__(self) -> None:
        self.before = signal.signal(signal.SIGALRM, _hang)

    def __exit__(self, *exception: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self.before)


def _hang(number: int, frame: FrameType | None) -> None:
    raise Hang
