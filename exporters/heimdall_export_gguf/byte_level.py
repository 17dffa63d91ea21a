"""Byte-level BPE tokenizers (Qwen, Llama 3, SmolLM, GPT-2), which llama.cpp calls `gpt2`.

llama.cpp rebuilds the tokenizer from tokens, merges and the *name* of a pre-tokenizer; anything
else in tokenizer.json is lost. So everything that would change a token id is checked first, and a
tokenizer that llama.cpp could not follow is refused.
"""

from __future__ import annotations

from typing import Final

from attrs import frozen

from heimdall_core.errors import ModelError
from heimdall_core.types import Json
from heimdall_export_gguf.model_directory import ModelDirectory
from heimdall_export_gguf.tokens import (
    CONTROL,
    NORMAL,
    SPACE,
    USER_DEFINED,
    TokenTable,
    added_tokens,
    merge_pairs,
    vocabulary_of,
)

_WORDS: Final = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
_REST: Final = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"

#: llama.cpp's pre-tokenizers by the regular expression that they implement.
SPLITS: Final = {
    _WORDS + r"\p{N}" + _REST: "qwen2",
    _WORDS + r"\p{N}{1,3}" + _REST: "llama-bpe",
}

#: Pre-tokenizers under which llama.cpp adds BOS where the file says nothing.
ADD_BOS: Final = frozenset({"llama-bpe"})

#: Pre-tokenizers under which llama.cpp takes a whole word that is a token without merging it.
_IGNORE_MERGES: Final = frozenset({"llama-bpe"})

#: GPT-2's own rule, which `tokenizers` has built in.
_GPT2: Final = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}

#: Options of the BPE model that llama.cpp has no counterpart for; none may be set.
_OPTIONS: Final = (
    *("byte_fallback", "dropout", "fuse_unk", "unk_token"),
    *("continuing_subword_prefix", "end_of_word_suffix"),
)


@frozen
class ByteLevel:
    """What `tokenizer.ggml.*` needs of such a tokenizer."""

    pre: str
    texts: tuple[str, ...]
    types: tuple[int, ...]
    merges: tuple[str, ...]


def read_byte_level(model: ModelDirectory, size: int) -> ByteLevel:
    """Raises `ModelError` where llama.cpp would tokenise differently."""
    where = str(model.path / "tokenizer.json")
    tokenizer = model.tokenizer
    _check(tokenizer, where)
    pre = pre_tokenizer(tokenizer, where)
    if bool(tokenizer["model"].get("ignore_merges")) != (pre in _IGNORE_MERGES):
        raise ModelError(
            f"'ignore_merges' is {tokenizer['model'].get('ignore_merges')!r}, which llama.cpp's"
            f" {pre} is not",
            where=where,
        )
    table = TokenTable(size, where)
    for text, number in vocabulary_of(tokenizer, where).items():
        table.place(text, number, NORMAL)
    for token in added_tokens(tokenizer, where):
        if token.special or token.looks_special:
            table.place(token.text, token.id, CONTROL)
        else:
            table.place(token.text.replace(SPACE, " "), token.id, USER_DEFINED)
    # A space inside a merge would read as its middle; llama.cpp knows it by this letter.
    merges = [" ".join(part.replace(" ", "Ġ") for part in p) for p in merge_pairs(tokenizer, where)]
    return ByteLevel(pre, tuple(table.texts), tuple(table.types), tuple(merges))


def pre_tokenizer(tokenizer: Json, where: str) -> str:
    """llama.cpp's name for the rule that text is split by."""
    match tokenizer.get("pre_tokenizer"):
        case {
            "type": "Sequence",
            "pretokenizers": [
                {
                    "type": "Split",
                    "pattern": {"Regex": str(regex)},
                    "behavior": "Isolated",
                    "invert": False,
                },
                {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False},
            ],
        } if regex in SPLITS:
            return SPLITS[regex]
        case {
            "type": "Sequence",
            "pretokenizers": [{"type": "Digits", "individual_digits": True}, dict(level)],
        } if _GPT2.items() <= level.items():
            return "smollm"
        case dict(level) if _GPT2.items() <= level.items():
            return "gpt-2"
    known = ", ".join([*SPLITS.values(), "smollm", "gpt-2"])
    raise ModelError(
        "splits text by another rule than llama.cpp knows; token ids would differ",
        where=where,
        hint=f"pre-tokenizers that are known: {known}",
    )


def _check(tokenizer: Json, where: str) -> None:
    for key in _OPTIONS:
        if tokenizer["model"].get(key):
            raise ModelError(f"the BPE option '{key}' cannot be exported", where=where)
    normaliser = tokenizer.get("normalizer")
    if normaliser is not None and normaliser != {"type": "NFC"}:
        raise ModelError("only the normaliser NFC, or none, can be exported", where=where)
