"""How long the training rows are: in tokens of the model's own tokenizer, else in characters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from heimdall_core.dataset import read_examples
from heimdall_core.errors import HeimdallError
from heimdall_core.prompt import render_example

#: Rows that are looked at; more would change no picture.
_ROWS = 5000


def lengths_of(rows: Path, model: Path) -> dict[str, Any] | None:
    """`{"unit", "prompt", "answer", "rows"}`: one length per row, spread over the file; None where
    there is no file."""
    if not rows.is_file():
        return None
    found = list(read_examples(rows))
    if len(found) > _ROWS:
        found = [found[i * len(found) // _ROWS] for i in range(_ROWS)]
    rendered = []
    for row in found:
        try:
            rendered.append(render_example(row.instruction, row.input, row.output, row.system))
        except HeimdallError:
            continue  # the trainer has counted and left it out
    prompts, answers = [r.prompt for r in rendered], [r.answer for r in rendered]
    tokenizer = _tokenizer(model)
    return {
        "unit": "characters" if tokenizer is None else "tokens",
        "rows": len(rendered),
        "prompt": _sizes(tokenizer, prompts),
        "answer": _sizes(tokenizer, answers),
    }


def _tokenizer(model: Path) -> Any:
    path = model / "tokenizer.json"
    if not path.is_file():
        return None
    try:
        from tokenizers import Tokenizer
    except ImportError:
        return None
    return Tokenizer.from_file(str(path))


def _sizes(tokenizer: Any, texts: Sequence[str]) -> list[int]:
    if tokenizer is None:
        return [len(text) for text in texts]
    return [len(e.ids) for e in tokenizer.encode_batch(list(texts), add_special_tokens=False)]
