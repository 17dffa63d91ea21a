"""A Hugging Face tokenizer as llama.cpp's `tokenizer.*` values."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from heimdall_core.errors import ModelError
from heimdall_core.prompt import CHAT_TEMPLATE, IM_END, SPECIAL_TOKENS
from heimdall_export_gguf.byte_level import ADD_BOS, read_byte_level
from heimdall_export_gguf.model_directory import ModelDirectory
from heimdall_export_gguf.options import Contract
from heimdall_export_gguf.sentence_pieces import SentencePieces, read_sentence_pieces
from heimdall_export_gguf.special_tokens import Declared, declared_tokens
from heimdall_export_gguf.tokens import CONTROL, added_tokens


@frozen
class Vocabulary:
    """What goes into `tokenizer.*`."""

    model: str
    """llama.cpp's name of the kind: `gpt2` for byte-level BPE, `llama` for SentencePiece."""
    pre: str
    tokens: tuple[str, ...]
    """By id; one per row of the embedding."""
    types: tuple[int, ...]
    merges: tuple[str, ...]
    """Empty for SentencePiece, which has scores."""
    scores: tuple[float, ...]
    """Empty for byte-level BPE, which has merges."""
    eos: int
    special: Mapping[str, int]
    """`bos`, `pad`, `unk` and the like, as far as the model has them."""
    adds: Mapping[str, bool]
    """`bos`, `eos`, `sep`: whether it is added to every text."""
    add_space: bool | None
    """Whether a space is put in front; None leaves it to llama.cpp."""
    chat_template: str
    notes: tuple[str, ...] = field(default=())
    """What the user should know."""


def read_vocabulary(model: ModelDirectory, size: int, contract: Contract = "chatml") -> Vocabulary:
    """The vocabulary of a model whose embedding has `size` rows.

    Raises `ModelError` where llama.cpp would tokenise differently. Under the contract `chatml`
    also where `<|im_end|>` or another of ChatML's tokens is missing, and where the chat template
    is not Heimdall's; under `own`, where the model has no end token.
    """
    where = str(model.path / "tokenizer.json")
    kind = model.tokenizer.get("model")
    if not isinstance(kind, dict) or kind.get("type") != "BPE":
        raise ModelError("only BPE tokenizers can be exported", where=where)
    declared = declared_tokens(model, size)
    notes: list[str] = []
    pieces: SentencePieces | None = None
    pre, merges, scores = "default", tuple[str, ...](), tuple[float, ...]()
    if kind.get("byte_fallback"):
        pieces = read_sentence_pieces(model, size)
        tokens, types, scores = pieces.texts, pieces.types, pieces.scores
        if pieces.made_scores:
            notes.append("there is no tokenizer.model: scores are made from the merges' order")
    else:
        level = read_byte_level(model, size)
        tokens, types, pre, merges = level.texts, level.types, level.pre, level.merges
    if len(set(tokens)) < len(tokens):
        twice = next(token for token in tokens if tokens.count(token) > 1)
        raise ModelError(f"has the token {twice!r} twice", where=where)
    if contract == "chatml":
        _check_contract(model, dict(zip(tokens, types, strict=True)), where)
        declared.ids["eos"] = tokens.index(IM_END)
        bos = tokens[declared.ids["bos"]] if "bos" in declared.ids else ""
        _settle_adds(declared, bos, adds_bos=bool(pieces) or pre in ADD_BOS, where=where)
    elif "eos" not in declared.ids:
        raise ModelError(
            "the model names no end token; its answers would never end",
            where=str(model.path),
            hint="set eos_token in tokenizer_config.json",
        )
    strips = [token.text for token in added_tokens(model.tokenizer, where) if token.strips]
    if strips:
        notes.append(
            f"{len(strips)} tokens swallow the whitespace beside them in Hugging Face"
            f" ({', '.join(strips[:3])} …), which a GGUF cannot say; the prompt holds none of them"
        )
    return Vocabulary(
        model="llama" if pieces else "gpt2",
        pre=pre,
        tokens=tokens,
        types=types,
        merges=merges,
        scores=scores,
        eos=declared.ids["eos"],
        special={kind: number for kind, number in declared.ids.items() if kind != "eos"},
        adds=dict(declared.adds),
        add_space=_add_space(model, pieces, contract),
        chat_template=model.chat_template,
        notes=tuple(notes),
    )


def _check_contract(model: ModelDirectory, types: Mapping[str, int], where: str) -> None:
    strips = {token.text for token in added_tokens(model.tokenizer, where) if token.strips}
    for token in SPECIAL_TOKENS:
        if types.get(token) != CONTROL:
            raise ModelError(
                f"has no special token {token}",
                where=where,
                hint="answers end in it: train with a tokenizer that holds "
                + ", ".join(SPECIAL_TOKENS)
                + ", or set contract to 'own' for a model that NornicDB will not serve",
            )
        if token in strips:
            raise ModelError(
                f"the token {token} swallows what is beside it, which llama.cpp cannot", where=where
            )
    if model.chat_template != CHAT_TEMPLATE:
        raise ModelError(
            "the model's chat template is not the one it is trained and served with"
            if model.chat_template
            else "the model has no chat template",
            where=str(model.path),
            hint="save the tokenizer with heimdall_core.prompt.CHAT_TEMPLATE",
        )


def _settle_adds(declared: Declared, bos: str, *, adds_bos: bool, where: str) -> None:
    """The file says what the tokenizer does, where llama.cpp would do otherwise. `adds_bos`:
    what it does where nothing is said."""
    if declared.really["eos"]:
        raise ModelError("adds EOS to every text; the prompt has none", where=where)
    if declared.really["bos"] and bos in SPECIAL_TOKENS:
        raise ModelError(f"adds {bos} to every text, which the prompt itself holds", where=where)
    if declared.adds.get("bos", adds_bos) != declared.really["bos"]:
        declared.adds["bos"] = declared.really["bos"]
    if declared.adds.get("eos", False):
        declared.adds["eos"] = False


def _add_space(
    model: ModelDirectory, pieces: SentencePieces | None, contract: Contract
) -> bool | None:
    """llama.cpp puts a space in front of SentencePiece text, unless it is told otherwise."""
    told = model.tokenizer_config.get("add_prefix_space")
    writes = model.config.get("model_type") in ("llama", "mistral") and isinstance(told, bool)
    if pieces is None or contract == "own":
        return told if writes else None
    needed = pieces.spaces == "each"
    return needed if writes or not needed else None
