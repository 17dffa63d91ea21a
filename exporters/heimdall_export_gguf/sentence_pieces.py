"""SentencePiece BPE tokenizers (TinyLlama, Llama 2, Mistral, Phi-3), which llama.cpp calls
`llama`.

llama.cpp joins the pair whose result has the best score, Hugging Face the pair of the first
merge. `tokenizer.model` holds the scores; where a model was saved without it, they are made from
the merges, so that both join in the same order.
"""

from __future__ import annotations

import re
from typing import Any, Final, Literal

from attrs import frozen

from heimdall_core.errors import ModelError
from heimdall_core.types import Json
from heimdall_export_gguf.model_directory import ModelDirectory
from heimdall_export_gguf.sentencepiece_file import read_pieces
from heimdall_export_gguf.tokens import (
    BYTE,
    CONTROL,
    NORMAL,
    SPACE,
    UNKNOWN,
    USER_DEFINED,
    TokenTable,
    added_tokens,
    merge_pairs,
    vocabulary_of,
)

#: Where a space is put in front of text: before each piece between special tokens, before the
#: first one, or nowhere.
Spaces = Literal["each", "first", "never"]

_BYTE: Final = re.compile(r"<0x[0-9A-Fa-f]{2}>")
_ADDED_SCORE: Final = -1000.0


@frozen
class SentencePieces:
    """What `tokenizer.ggml.*` needs of such a tokenizer."""

    texts: tuple[str, ...]
    types: tuple[int, ...]
    scores: tuple[float, ...]
    spaces: Spaces
    made_scores: bool
    """There was no tokenizer.model."""
    always_space: bool
    """Text that begins with a space gets another one in front."""


def read_sentence_pieces(model: ModelDirectory, size: int) -> SentencePieces:
    """Raises `ModelError` where llama.cpp would tokenise differently."""
    where = str(model.path / "tokenizer.json")
    tokenizer = model.tokenizer
    for key in ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "ignore_merges"):
        if tokenizer["model"].get(key):
            raise ModelError(f"the BPE option '{key}' cannot be exported", where=where)
    spaces, always = _spaces(tokenizer, where)
    table = TokenTable(size, where)
    file = _tokenizer_model(model)
    if file is not None:
        _check_pieces(file, tokenizer, where)
        for number, piece in enumerate(read_pieces(file)[:size]):
            table.place(piece.text, number, piece.type, piece.score)
    else:
        _from_merges(table, tokenizer, where)
    phi3 = model.config.get("model_type") == "phi3"
    for token in added_tokens(tokenizer, where):
        if token.special or (token.looks_special and not phi3):
            table.place(token.text, token.id, CONTROL, _ADDED_SCORE)
        else:
            text = token.text if phi3 else token.text.replace(SPACE, " ")
            table.place(text, token.id, USER_DEFINED, _ADDED_SCORE)
    return SentencePieces(
        texts=tuple(table.texts),
        types=tuple(table.types),
        scores=tuple(table.scores),
        spaces=spaces,
        made_scores=file is None,
        always_space=always,
    )


def _tokenizer_model(model: ModelDirectory) -> Any:
    for folder in (model.path, model.weights):
        if (folder / "tokenizer.model").is_file():
            return folder / "tokenizer.model"
    return None


def _check_pieces(file: Any, tokenizer: Json, where: str) -> None:
    """tokenizer.json, which the model was trained with, must hold the same tokens."""
    texts = {number: text for text, number in vocabulary_of(tokenizer, where).items()}
    for number, piece in enumerate(read_pieces(file)):
        if texts.get(number, piece.text) != piece.text:
            raise ModelError(
                f"token {number} is {texts[number]!r} in tokenizer.json and {piece.text!r} in"
                " tokenizer.model",
                where=where,
                hint="remove the tokenizer.model that does not belong to the model",
            )


def _from_merges(table: TokenTable, tokenizer: Json, where: str) -> None:
    """Scores fall with the rank of the first merge that makes a token, then with its id."""
    vocabulary = vocabulary_of(tokenizer, where)
    ranks: dict[str, int] = {}
    for left, right in merge_pairs(tokenizer, where):
        ranks.setdefault(left + right, len(ranks))
    unknown = tokenizer["model"].get("unk_token")
    rest = len(ranks)
    special = {token.text for token in added_tokens(tokenizer, where)}
    for text, number in sorted(vocabulary.items(), key=lambda item: _order(item[1])):
        if text == unknown:
            table.place(text, number, UNKNOWN)
        elif _BYTE.fullmatch(text):
            table.place(text, number, BYTE)
        elif text in ranks:
            table.place(text, number, NORMAL, -float(ranks[text]))
        elif text in special:
            table.place(text, number, CONTROL)
        else:
            table.place(text, number, NORMAL, -float(rest))
            rest += 1


def _order(number: Any) -> int:
    return number if type(number) is int else -1


def _spaces(tokenizer: Json, where: str) -> tuple[Spaces, bool]:
    """Where spaces are put, from the two ways in which tokenizer.json says so."""
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
    prepend = {"type": "Prepend", "prepend": SPACE}
    normaliser, splitter = tokenizer.get("normalizer"), tokenizer.get("pre_tokenizer")
    steps = normaliser.get("normalizers") if isinstance(normaliser, dict) else None
    steps = steps if isinstance(steps, list) else [normaliser]
    if _splits_nothing(splitter):
        if steps == [prepend, replace]:
            return "each", True
        if steps == [replace]:
            return "never", True
    metaspace = {"type": "Metaspace", "replacement": SPACE, "split": False}
    if isinstance(splitter, dict) and not normaliser and splitter.items() >= metaspace.items():
        schemes: dict[str, Spaces] = {"always": "each", "first": "first", "never": "never"}
        if (scheme := splitter.get("prepend_scheme", "always")) in schemes:
            return schemes[scheme], False
    raise ModelError(
        "treats spaces by another rule than llama.cpp's; token ids would differ",
        where=where,
        hint="a Llama tokenizer puts ▁ in front and for each space, and splits nothing",
    )


def _splits_nothing(splitter: Any) -> bool:
    """Gemma splits at spaces, of which the normaliser has left none."""
    match splitter:
        case None:
            return True
        case {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious"}:
            return True
    return False
