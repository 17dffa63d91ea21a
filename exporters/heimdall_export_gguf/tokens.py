"""Tokens and their types by id, for both kinds of tokenizers."""

from __future__ import annotations

from typing import Any, Final

from attrs import frozen

from heimdall_core.errors import ModelError
from heimdall_core.types import Json

#: llama.cpp's token types.
NORMAL: Final = 1
UNKNOWN: Final = 2
CONTROL: Final = 3
USER_DEFINED: Final = 4
UNUSED: Final = 5
BYTE: Final = 6

#: What llama.cpp takes for a space in SentencePiece's vocabularies.
SPACE: Final = "▁"


@frozen
class AddedToken:
    """An entry of `added_tokens`."""

    text: str
    id: int
    special: bool
    strips: bool
    """Swallows whitespace beside it, or matches whole words alone."""

    @property
    def looks_special(self) -> bool:
        """Whether llama.cpp's converter takes its name for that of a control token."""
        name = self.text
        return (
            name in ("<pad>", "<mask>", "<2mass>", "[@BOS@]")
            or (name.startswith("<|") and name.endswith("|>"))
            or (name.startswith("<｜") and name.endswith("｜>"))  # noqa: RUF001 - as models spell it
            or (name.startswith("<unused") and name.endswith(">"))
        )


def added_tokens(tokenizer: Json, where: str) -> list[AddedToken]:
    """Raises `ModelError` for a broken entry."""
    entries = tokenizer.get("added_tokens") or []
    if not isinstance(entries, list):
        raise ModelError("has no list added_tokens", where=where)
    found = []
    for entry in entries:
        match entry:
            case {"content": str(text), "id": int(number), "special": bool(special)}:
                strips = any(entry.get(key) for key in ("lstrip", "rstrip", "single_word"))
                found.append(AddedToken(text, number, special, strips))
            case _:
                raise ModelError("has a broken entry in added_tokens", where=where)
    return found


class TokenTable:
    """Tokens, types and scores by id; rows of the embedding that no token has are filled as
    llama.cpp's converter fills them."""

    def __init__(self, size: int, where: str) -> None:
        self.where = where
        self.texts = [f"[PAD{number}]" for number in range(size)]
        self.types = [UNUSED] * size
        self.scores = [-10000.0] * size

    def place(self, text: str, number: Any, kind: int, score: float = 0.0) -> None:
        """Raises `ModelError` for an id beyond the embedding."""
        if type(number) is not int or not 0 <= number < len(self.texts):
            raise ModelError(
                f"the token {text!r} has the id {number}, but the embedding has"
                f" {len(self.texts)} rows",
                where=self.where,
                hint="resize the embedding after adding tokens",
            )
        self.texts[number], self.types[number], self.scores[number] = text, kind, score


def merge_pairs(tokenizer: Json, where: str) -> list[list[str]]:
    """The merges in the order of their rank, each as its two parts."""
    merges = tokenizer["model"].get("merges")
    if not isinstance(merges, list):
        raise ModelError("has no merges", where=where)
    pairs = [merge.split(" ") if isinstance(merge, str) else merge for merge in merges]
    for pair in pairs:
        match pair:
            case [str(), str()]:
                continue
        raise ModelError(f"has a broken merge: {pair!r}", where=where)
    return pairs


def vocabulary_of(tokenizer: Json, where: str) -> dict[str, Any]:
    """Token -> id, without the added tokens."""
    vocabulary = tokenizer["model"].get("vocab")
    if not isinstance(vocabulary, dict):
        raise ModelError("has no vocabulary", where=where)
    return vocabulary
