"""A Hugging Face byte-level BPE tokenizer as llama.cpp's `tokenizer.ggml.*` values.

llama.cpp rebuilds the tokenizer from tokens, merges and the *name* of a pre-tokenizer; anything
else in tokenizer.json is lost. So everything that would change a token id is checked first, and a
tokenizer that llama.cpp could not follow is refused.
"""

from __future__ import annotations

from typing import Any, Final

from attrs import frozen

from heimdall_core.errors import ModelError
from heimdall_core.prompt import CHAT_TEMPLATE, END_OF_TEXT, IM_END, SPECIAL_TOKENS
from heimdall_core.types import Json
from heimdall_export_gguf.model_directory import ModelDirectory

#: llama.cpp's pre-tokenizers by the regular expression that they implement.
PRE_TOKENIZERS: Final = {
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+": "qwen2",
}

#: Options of the BPE model that llama.cpp has no counterpart for; none may be set.
_OPTIONS: Final = (
    *("byte_fallback", "dropout", "fuse_unk", "unk_token", "ignore_merges"),
    *("continuing_subword_prefix", "end_of_word_suffix"),
)

#: llama.cpp's token types.
NORMAL: Final = 1
CONTROL: Final = 3
USER_DEFINED: Final = 4
UNUSED: Final = 5


@frozen
class Vocabulary:
    """What goes into `tokenizer.*`."""

    pre: str
    tokens: tuple[str, ...]
    """By id, in the byte-level alphabet; one per row of the embedding."""
    types: tuple[int, ...]
    merges: tuple[str, ...]
    eos: int
    pad: int
    bos: int | None
    """None where the model has none."""
    chat_template: str


def read_vocabulary(model: ModelDirectory, size: int) -> Vocabulary:
    """The vocabulary of a model whose embedding has `size` rows.

    Raises `ModelError` where llama.cpp would tokenise differently, where `<|im_end|>` or another
    of ChatML's tokens is missing, and where the chat template is not Heimdall's.
    """
    where = str(model.path / "tokenizer.json")
    pre = _check_pipeline(model.tokenizer, where)
    if model.tokenizer_config.get("add_bos_token") or model.tokenizer_config.get("add_eos_token"):
        raise ModelError("adds BOS or EOS to every text; the prompt has neither", where=where)
    tokens, types = _tokens(model.tokenizer, size, where)
    ids = {token: number for number, token in enumerate(tokens)}
    for token in SPECIAL_TOKENS:
        if token not in ids or types[ids[token]] != CONTROL:
            raise ModelError(
                f"has no special token {token}",
                where=where,
                hint="answers end in it: train with a tokenizer that holds "
                + ", ".join(SPECIAL_TOKENS),
            )
    if model.chat_template != CHAT_TEMPLATE:
        raise ModelError(
            "the model's chat template is not the one it is trained and served with"
            if model.chat_template
            else "the model has no chat template",
            where=str(model.path),
            hint="save the tokenizer with heimdall_core.prompt.CHAT_TEMPLATE",
        )
    return Vocabulary(
        pre=pre,
        tokens=tokens,
        types=types,
        merges=_merges(model.tokenizer, where),
        eos=ids[IM_END],
        pad=_named(model.tokenizer_config.get("pad_token"), ids, ids[END_OF_TEXT]),
        bos=_bos(model, ids),
        chat_template=model.chat_template,
    )


def _check_pipeline(tokenizer: Json, where: str) -> str:
    """The name of the pre-tokenizer, after a look at everything else that tokenising does."""
    model = tokenizer.get("model")
    if not isinstance(model, dict) or model.get("type") != "BPE":
        raise ModelError("only byte-level BPE tokenizers can be exported", where=where)
    for key in _OPTIONS:
        if model.get(key):
            raise ModelError(f"the BPE option '{key}' cannot be exported", where=where)
    normaliser = tokenizer.get("normalizer")
    if normaliser is not None and normaliser != {"type": "NFC"}:
        raise ModelError("only the normaliser NFC, or none, can be exported", where=where)
    if _adds_tokens(tokenizer.get("post_processor")):
        raise ModelError("adds special tokens to every text; the prompt has none", where=where)
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
        } if regex in PRE_TOKENIZERS:
            return PRE_TOKENIZERS[regex]
        case _:
            raise ModelError(
                "splits text by another rule than llama.cpp knows; token ids would differ",
                where=where,
                hint=f"pre-tokenizers that are known: {', '.join(PRE_TOKENIZERS.values())}",
            )


def _adds_tokens(processor: Any) -> bool:
    match processor:
        case None | {"type": "ByteLevel"}:
            return False
        case {"type": "TemplateProcessing", "single": list(pieces)}:
            return any("Sequence" not in piece for piece in pieces)
        case {"type": "Sequence", "processors": list(processors)}:
            return any(_adds_tokens(inner) for inner in processors)
        case _:
            return True


def _tokens(tokenizer: Json, size: int, where: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Tokens and types by id. Rows of the embedding that no token has are filled as llama.cpp's
    converter fills them."""
    vocabulary = tokenizer["model"].get("vocab")
    added = tokenizer.get("added_tokens", [])
    if not isinstance(vocabulary, dict) or not isinstance(added, list):
        raise ModelError("has no vocabulary", where=where)
    tokens = [f"[PAD{number}]" for number in range(size)]
    types = [UNUSED] * size
    for token, number in vocabulary.items():
        _place(tokens, types, token, number, NORMAL, where)
    for entry in added:
        match entry:
            case {"content": str(token), "id": int(number), "special": bool(special)}:
                pass
            case _:
                raise ModelError("has a broken entry in added_tokens", where=where)
        if entry.get("lstrip") or entry.get("rstrip") or entry.get("single_word"):
            raise ModelError(
                f"the token {token} swallows what is beside it, which llama.cpp cannot",
                where=where,
            )
        control = special or (token.startswith("<|") and token.endswith("|>"))
        _place(tokens, types, token, number, CONTROL if control else USER_DEFINED, where)
    return tuple(tokens), tuple(types)


def _place(
    tokens: list[str], types: list[int], token: str, number: Any, kind: int, where: str
) -> None:
    if type(number) is not int or not 0 <= number < len(tokens):
        raise ModelError(
            f"the token {token!r} has the id {number}, but the embedding has {len(tokens)} rows",
            where=where,
            hint="resize the embedding after adding tokens",
        )
    tokens[number], types[number] = token, kind


def _merges(tokenizer: Json, where: str) -> tuple[str, ...]:
    merges = tokenizer["model"].get("merges")
    if not isinstance(merges, list):
        raise ModelError("has no merges", where=where)
    pairs = [merge.split(" ") if isinstance(merge, str) else merge for merge in merges]
    for pair in pairs:
        if len(pair) != 2 or not all(isinstance(part, str) and " " not in part for part in pair):
            raise ModelError(f"has a broken merge: {pair!r}", where=where)
    return tuple(" ".join(pair) for pair in pairs)


def _named(entry: Any, ids: dict[str, int], otherwise: int) -> int:
    """The id of a token of tokenizer_config.json, which is a string or `{"content": …}`."""
    name = entry.get("content") if isinstance(entry, dict) else entry
    return ids.get(name, otherwise) if isinstance(name, str) else otherwise


def _bos(model: ModelDirectory, ids: dict[str, int]) -> int | None:
    declared = model.config.get("bos_token_id")
    known = declared if type(declared) is int and 0 <= declared < len(ids) else -1
    number = _named(model.tokenizer_config.get("bos_token"), ids, known)
    return None if number < 0 else number
