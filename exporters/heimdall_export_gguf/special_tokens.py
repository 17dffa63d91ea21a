"""Which tokens a model declares as BOS, EOS and the like, and which of them it adds to a text.

Hugging Face says so in three files that may contradict each other: tokenizer_config.json names
tokens, tokenizer.json says what its post-processor adds, config.json has ids. What they come to
here is what llama.cpp's own converter makes of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import define, field

from heimdall_core.errors import ModelError
from heimdall_export_gguf.model_directory import ModelDirectory
from heimdall_export_gguf.tokens import added_tokens

KINDS: Final = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")


@define
class Declared:
    """What a model says of its special tokens."""

    ids: dict[str, int] = field(factory=dict)
    """Kind -> token id."""
    adds: dict[str, bool] = field(factory=dict)
    """Kind -> whether it is added to every text, where something is said about it."""
    really: dict[str, bool] = field(factory=dict)
    """`bos` and `eos`: whether the tokenizer adds them in fact."""


def declared_tokens(model: ModelDirectory, size: int) -> Declared:
    """Raises `ModelError` for a post-processor that llama.cpp has no counterpart for."""
    where = str(model.path / "tokenizer.json")
    settings = dict(model.tokenizer_config)
    names = {kind: _content(settings.get(f"{kind}_token")) for kind in KINDS}
    names["bos"] = names["bos"] or names["cls"]
    names["eos"] = names["eos"] or names["sep"]
    found = Declared(really={"bos": False, "eos": False})
    for processor in _processors(model.tokenizer.get("post_processor"), where):
        if processor.get("type") == "ByteLevel":
            found.adds.setdefault("bos", False)
            found.adds.setdefault("eos", False)
        else:
            _template(processor, names, found, where)
    ids = {token.text: token.id for token in reversed(added_tokens(model.tokenizer, where))}
    for kind in (*KINDS, *(k for k in ("eot", "eom") if k in names)):
        told = settings.get(f"add_{kind}_token")
        if isinstance(told, bool):
            found.adds.setdefault(kind, told)
        _set(found.ids, kind, ids.get(names.get(kind) or ""), size)
    for kind in KINDS:
        _set(found.ids, kind, model.config.get(f"{kind}_token_id"), size)
    return found


def _set(ids: dict[str, int], kind: str, number: Any, size: int) -> None:
    if type(number) is int and 0 <= number < size:
        ids.setdefault(kind, number)


def _content(entry: Any) -> str:
    name = entry.get("content") if isinstance(entry, dict) else entry
    return name if isinstance(name, str) else ""


def _processors(processor: Any, where: str) -> list[Mapping[str, Any]]:
    match processor:
        case None:
            return []
        case {"type": "Sequence", "processors": list(inner)}:
            return [one for each in inner for one in _processors(each, where)]
        case {"type": "ByteLevel"} | {"type": "TemplateProcessing", "single": list()}:
            return [processor]
    kind = processor.get("type") if isinstance(processor, dict) else processor
    raise ModelError(f"has the post-processor '{kind}', which llama.cpp cannot follow", where=where)


def _template(
    processor: Mapping[str, Any], names: dict[str, str], found: Declared, where: str
) -> None:
    """`$A`, with a special token before or after it."""
    single = [_piece(piece) for piece in processor["single"]]
    places = [n for n, name in enumerate(single) if not name]
    if len(places) != 1 or places[0] > 1 or len(single) - places[0] > 2:
        raise ModelError("adds special tokens in the middle of a text", where=where)
    first, last = (single[0], single[-1]) if len(single) > 1 else ("", "")
    found.really |= {"bos": bool(first), "eos": bool(last)}
    if first:
        names["bos"] = names["bos"] or first
        names["cls"] = names["cls"] or first
        found.adds["bos"] = first in (names["bos"], names["cls"])
        if first != names["bos"]:
            raise ModelError(f"adds {first} to every text, which is not its BOS", where=where)
    if last:
        if last != names["eos"]:
            names["eot"], names["eos"] = names["eos"], last
        found.adds["eos"] = True
    pair = [_piece(piece) for piece in processor.get("pair") or []]
    inner = pair[1 if first and pair[:1] == [first] else 0 :]
    inner = inner[: -1 if last and inner[-1:] == [last] else None]
    if len(inner) > 2 and not inner[0] and not inner[-1]:
        between = inner[1]
        sep = bool(between) and between in (names["sep"], names["eos"]) and not last
        found.adds["sep"] = sep


def _piece(piece: Any) -> str:
    """The special token of a template's piece; empty for the text itself."""
    match piece:
        case {"SpecialToken": {"id": str(name)}}:
            return name
    return ""
