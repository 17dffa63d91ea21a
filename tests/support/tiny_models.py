"""Tiny Qwen2 models in the layout that the trainers save, made on the spot in a second or two.

`build_model` writes config, safetensors, tokenizer and chat template. With `taught` it also
learns those question/answer pairs by heart, so that greedy answers are certain (no near ties)
and end in `<|im_end|>`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from heimdall_core.prompt import (
    CHAT_TEMPLATE,
    END_OF_TEXT,
    IM_END,
    SPECIAL_TOKENS,
    render_example,
)

#: The regular expression in the tokenizer.json of every Qwen2 model.
QWEN2_REGEX = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

#: What the taught model knows: questions of different lengths, each with its one answer.
LESSONS = (
    ("Find all people.", "MATCH (p:Person) RETURN p"),
    ("Count the cities.", "MATCH (c:City) RETURN count(c)"),
    ("Who knows Ada?", "MATCH (p:Person)-[:KNOWS]->(:Person {name: 'Ada'}) RETURN p.name"),
    ("Delete the film Zoë saw.", "MATCH (:Person {name: 'Zoë'})-[:SAW]->(f:Film) DETACH DELETE f"),
    ("Add a city called Πάτρα.", "CREATE (:City {name: 'Πάτρα'})"),
    (
        "Which three films are newest?",
        "MATCH (f:Film)\nRETURN f.title\nORDER BY f.year DESC\nLIMIT 3",
    ),
    ("Smile.", "😀"),
    (
        "Set the year of the film Alien to 1979 and return it.",
        "MATCH (f:Film {title: 'Alien'}) SET f.year = 1979 RETURN f",
    ),
)


def build_tokenizer(texts: Sequence[str], vocab_size: int = 600) -> Tokenizer:
    """Byte-level BPE with Qwen2's rules; the three special tokens have the ids 0, 1 and 2."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN2_REGEX), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocab_size,
            special_tokens=list(SPECIAL_TOKENS),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return tokenizer


def build_model(
    path: Path,
    *,
    hidden: int = 256,
    layers: int = 2,
    intermediate: int = 512,
    tied: bool = True,
    padded_vocab: int = 0,
    dtype: torch.dtype = torch.float32,
    shard_size: str = "5GB",
    taught: Sequence[tuple[str, str]] = (),
    context: int = 256,
) -> Path:
    """Writes a model directory and returns it. The same arguments give the same weights.

    `padded_vocab` extra rows are put behind the tokenizer's ids, as Qwen2.5 has them.
    """
    path.mkdir(parents=True, exist_ok=True)
    lessons = taught or LESSONS
    tokenizer = build_tokenizer([f"{question}\n{answer}" for question, answer in lessons])
    model = Qwen2ForCausalLM(
        _config(
            vocab_size=tokenizer.get_vocab_size() + padded_vocab,
            hidden_size=hidden,
            num_hidden_layers=layers,
            intermediate_size=intermediate,
            tie_word_embeddings=tied,
            max_position_embeddings=context,
            eos_token_id=tokenizer.token_to_id(IM_END),
            pad_token_id=tokenizer.token_to_id(END_OF_TEXT),
        )
    )
    _initialise(model)
    if taught:
        _teach(model, tokenizer, taught)
    model.to(dtype).save_pretrained(path, max_shard_size=shard_size)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=IM_END,
        pad_token=END_OF_TEXT,
        model_max_length=context,
    )
    fast.chat_template = CHAT_TEMPLATE
    fast.save_pretrained(path)
    return path


def edit_json(path: Path, **changes: object) -> None:
    """Sets (or, with None, removes) top-level keys of a JSON file."""
    data = json.loads(path.read_text("utf-8"))
    for key, value in changes.items():
        if value is None:
            data.pop(key, None)
        else:
            data[key] = value
    path.write_text(json.dumps(data), "utf-8")


def _config(**changes: object) -> Qwen2Config:
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2}
    return Qwen2Config(**heads, bos_token_id=None, rope_theta=10000.0, **changes)


def _initialise(model: Qwen2ForCausalLM) -> None:
    """Random weights from a generator of our own, biases included: a test that passes with zero
    biases would not notice a swapped one."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(1 + 0.1 * noise if "norm" in name else 0.05 * noise)


def _teach(
    model: Qwen2ForCausalLM, tokenizer: Tokenizer, lessons: Sequence[tuple[str, str]]
) -> None:
    """Full-batch AdamW until every answer token has a loss of about 0.01."""
    rows = []
    for question, answer in lessons:
        rendered = render_example(question, "", answer)
        prompt = tokenizer.encode(rendered.prompt).ids
        rows.append((prompt, tokenizer.encode(rendered.answer).ids))
    width = max(len(prompt) + len(answer) for prompt, answer in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    labels = torch.full((len(rows), width), -100)
    for index, (prompt, answer) in enumerate(rows):
        ids[index, : len(prompt) + len(answer)] = torch.tensor(prompt + answer)
        labels[index, len(prompt) : len(prompt) + len(answer)] = torch.tensor(answer)
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # more of them wait for each other longer than they compute
    for _ in range(60):
        loss = model(input_ids=ids, labels=labels).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if loss.item() < 0.01:
            break
    torch.set_num_threads(threads)
