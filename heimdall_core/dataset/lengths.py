"""Token lengths of rows under a named tokenizer and the prompt contract, as trainers count."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from heimdall_core.errors import DatasetError, missing_extra
from heimdall_core.prompt import RenderedExample


@frozen
class Spread:
    """How long things are. Percentiles are lengths that occur (nearest rank)."""

    mean: float = 0.0
    p5: int = 0
    p50: int = 0
    p95: int = 0
    longest: int = 0


@frozen
class TokenReport:
    """Rows in tokens: how long, and which would not be trained as they stand."""

    tokenizer: str
    profile: str
    max_seq_length: int
    """0 where no limit was named."""
    rows: int
    prompt: Spread
    answer: Spread
    row: Spread
    """Prompt and answer together."""
    truncated: int
    """Rows longer than `max_seq_length`."""
    untrainable: int
    """Rows of which no token would be trained: the prompt alone reaches the limit, or the answer
    has no token."""

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON."""
        return attrs.asdict(self)


def load_tokenizer(name: str) -> Any:
    """The Rust tokenizer of a model folder, a `tokenizer.json`, or a hub name, without the cutting
    and padding that may be saved in it. Raises `DatasetError` where there is none."""
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise missing_extra("tokenizers", "train", "counting tokens") from error
    path = Path(name)
    file = path / "tokenizer.json" if path.is_dir() else path
    try:
        if file.is_file():
            tokenizer = Tokenizer.from_file(str(file))
        elif path.exists() or path.suffix == ".json" or name.startswith((".", "/")):
            raise DatasetError("holds no tokenizer.json", where=name)
        else:
            tokenizer = Tokenizer.from_pretrained(name)
    except DatasetError:
        raise
    except BaseException as error:  # the Rust side raises bare `Exception`, and panics
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise DatasetError(f"the tokenizer cannot be read: {reason}", where=name) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def count_tokens(tokenizer: Any, rendered: Sequence[RenderedExample]) -> tuple[bytes, bytes]:
    """Of each row the tokens of its prompt and of its answer, as columns of 32 bits.

    Prompt and answer are tokenised apart, as they are for training."""
    prompts = tokenizer.encode_batch_fast([row.prompt for row in rendered])
    answers = tokenizer.encode_batch_fast(
        [row.answer for row in rendered], add_special_tokens=False
    )
    return (
        array("I", map(len, prompts)).tobytes(),
        array("I", map(len, answers)).tobytes(),
    )


def spread(counts: Sequence[int]) -> Spread:
    """Mean and percentiles; all 0 for nothing."""
    # By how often each length occurs: lengths are few, rows are many.
    return spread_of(Counter(counts))


def spread_of(seen: Mapping[int, int]) -> Spread:
    """The same of lengths with how often each occurs."""
    total = sum(seen.values())
    if not total:
        return Spread()
    wanted = {percent: -(-percent * total // 100) for percent in (5, 50, 95)}
    found: dict[int, int] = {}
    below = 0
    for length in sorted(seen):
        below += seen[length]
        for percent, rank in wanted.items():
            if below >= rank:
                found.setdefault(percent, length)
    mean = sum(length * n for length, n in seen.items()) / total
    return Spread(mean, found[5], found[50], found[95], max(seen))


def token_report(
    tokenizer: str, profile: str, limit: int, prompts: Sequence[int], answers: Sequence[int]
) -> TokenReport:
    """The report on two columns of counts."""
    rows = [p + a for p, a in zip(prompts, answers, strict=True)]
    return TokenReport(
        tokenizer=tokenizer,
        profile=profile,
        max_seq_length=limit,
        rows=len(rows),
        prompt=spread(prompts),
        answer=spread(answers),
        row=spread(rows),
        truncated=sum(n > limit for n in rows) if limit else 0,
        untrainable=sum(
            not a or (limit > 0 and p >= limit) for p, a in zip(prompts, answers, strict=True)
        ),
    )
