"""Tiny models of every architecture and tokenizer that can be exported, in the layout of their
published relatives. Weights are random; tokenizers are trained on a few sentences.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import torch
from tiny_models import LESSONS, QWEN2_REGEX, edit_json
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from heimdall_core.prompt import CHAT_TEMPLATE, END_OF_TEXT, IM_END, SPECIAL_TOKENS

LLAMA3_REGEX = QWEN2_REGEX.replace(r"\p{N}|", r"\p{N}{1,3}|", 1)

Kind = Literal["qwen2", "llama-bpe", "smollm", "gpt-2", "spm"]

TEXTS = (
    *(f"{question}\n{answer}" for question, answer in LESSONS),
    "The quick brown fox jumps over the lazy dog; 12 345 times, no more. It's what they'll say.",
    "Zoë naïvely façades the crème brûlée in Łódź, don't you think? Привет, мир! 你好世界",
)


def byte_level(kind: Kind, texts: Iterable[str] = TEXTS, size: int = 500) -> Tokenizer:
    """Byte-level BPE that splits as the models of that name do."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=kind == "llama-bpe"))
    if kind == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    regex = {"qwen2": QWEN2_REGEX, "llama-bpe": LLAMA3_REGEX}.get(kind)
    if regex:
        steps = [
            pre_tokenizers.Split(Regex(regex), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    elif kind == "smollm":
        steps = [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = [*SPECIAL_TOKENS, *(["<|begin_of_text|>"] if kind == "llama-bpe" else [])]
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=size,
            special_tokens=special,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    if kind == "llama-bpe":
        level = processors.ByteLevel(trim_offsets=True)
        template = processors.TemplateProcessing(
            single="<|begin_of_text|> $A",
            pair="<|begin_of_text|> $A <|begin_of_text|>:1 $B:1",
            special_tokens=[("<|begin_of_text|>", tokenizer.token_to_id("<|begin_of_text|>"))],
        )
        tokenizer.post_processor = processors.Sequence([level, template])
    else:
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def sentence_pieces(
    folder: Path, texts: Iterable[str] = TEXTS, size: int = 400, scheme: str = "legacy"
) -> Tokenizer:
    """SentencePiece BPE with bytes; writes tokenizer.model into `folder`, as Llama has it.

    `scheme`: `legacy` (a space in front of each piece), or Metaspace's `always` or `first`.
    """
    import sentencepiece

    folder.mkdir(parents=True, exist_ok=True)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_prefix=str(folder / "tokenizer"),
        vocab_size=size,
        model_type="bpe",
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        character_coverage=0.99,
        split_digits=True,
        minloglevel=2,
    )
    (folder / "tokenizer.vocab").unlink()
    loaded = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    pieces = [loaded.id_to_piece(number) for number in range(loaded.vocab_size())]
    scores = [loaded.get_score(number) for number in range(loaded.vocab_size())]
    return from_pieces(pieces, scores, scheme)


def from_pieces(
    pieces: list[str],
    scores: list[float],
    scheme: str = "legacy",
    extra: Iterable[str] = SPECIAL_TOKENS,
) -> Tokenizer:
    """The Hugging Face tokenizer of SentencePiece's pieces; merges by the score of what they
    make, as `transformers` converts them."""
    ids = {piece: number for number, piece in enumerate(pieces)}
    merges = []
    for piece, score in zip(pieces, scores, strict=True):
        parts = [(piece[:at], piece[at:]) for at in range(1, len(piece))]
        local = [pair for pair in parts if pair[0] in ids and pair[1] in ids]
        local.sort(key=lambda pair: (ids[pair[0]], ids[pair[1]]))
        merges += [(score, pair) for pair in local]
    merges.sort(key=lambda entry: -entry[0])
    tokenizer = Tokenizer(
        models.BPE(
            vocab=ids,
            merges=[pair for _, pair in merges],
            unk_token="<unk>",  # noqa: S106
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    if scheme == "legacy":
        tokenizer.normalizer = normalizers.Sequence(
            [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
        )
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("▁", prepend_scheme=scheme, split=False)
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    tokenizer.add_special_tokens(
        [AddedToken(name, normalized=False, special=True) for name in ("<unk>", "<s>", "</s>")]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", ids["<s>"])]
    )
    tokenizer.add_special_tokens(
        [AddedToken(name, normalized=False, special=True) for name in extra]
    )
    return tokenizer


def build_base(
    path: Path,
    architecture: str,
    kind: Kind = "qwen2",
    *,
    scheme: str = "legacy",
    padded_vocab: int = 0,
    dtype: torch.dtype = torch.float32,
    shard_size: str = "5GB",
    added: Iterable[str] = (),
    chatml: bool = True,
    **config: Any,
) -> Path:
    """Writes a model directory. `config` goes into the architecture's configuration."""
    path.mkdir(parents=True, exist_ok=True)
    tokenizer = sentence_pieces(path, scheme=scheme) if kind == "spm" else byte_level(kind)
    tokenizer.add_tokens([AddedToken(name, normalized=False) for name in added])
    bos = {"spm": "<s>", "llama-bpe": "<|begin_of_text|>"}.get(kind)
    settings: dict[str, Any] = {
        "hidden_size": 256,
        "num_hidden_layers": 2,
        "intermediate_size": 512,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "tie_word_embeddings": False,
        "vocab_size": tokenizer.get_vocab_size() + padded_vocab,
        "bos_token_id": tokenizer.token_to_id(bos) if bos else None,
        "eos_token_id": tokenizer.token_to_id(IM_END),
        "pad_token_id": tokenizer.token_to_id(END_OF_TEXT),
    }
    if architecture == "phi3":
        settings |= {"original_max_position_embeddings": 512, "sliding_window": None}
    if architecture == "qwen3":
        settings["head_dim"] = 64
    if architecture == "mistral":
        settings["sliding_window"] = None
    model = AutoModelForCausalLM.from_config(CONFIG_MAPPING[architecture](**{**settings, **config}))
    randomise(model)
    model.to(dtype).save_pretrained(path, max_shard_size=shard_size)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=bos,
        eos_token=IM_END,
        pad_token=END_OF_TEXT,
        unk_token="<unk>" if kind == "spm" else None,
        model_max_length=512,
    )
    if chatml:
        fast.chat_template = CHAT_TEMPLATE
    fast.save_pretrained(path)
    data = json.loads((path / "tokenizer.json").read_text("utf-8"))
    # Published models of these families carry this table, which other converters read.
    table = {str(token["id"]): {**token} for token in data["added_tokens"]}
    for token in table.values():
        token.pop("id")
    edit_json(path / "tokenizer_config.json", added_tokens_decoder=table)
    return path


def randomise(model: torch.nn.Module, seed: int = 1) -> None:
    """Weights from a generator of our own, biases and norms included."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(1 + 0.1 * noise if "norm" in name else 0.05 * noise)
