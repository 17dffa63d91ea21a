"""The tokenizer that is trained with the model."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

from heimdall_core.prompt import (
    IM_END,
    SPECIAL_TOKENS,
    RenderedExample,
    messages_for,
    render_example,
    render_prompt,
)
from heimdall_run_transformers.tokens import rust_tokenizer
from heimdall_train_scratch.tokenizer import QWEN2_SPLIT, copied_words, train_tokenizer

NAMES = ("Author", "Book", "Reader", "Branch", "Shelf", "Café")
ROWS = [
    render_example(
        f"List the title of the {name} nodes whose pages are over {count}.",
        "",
        f"MATCH (n:{name}) WHERE n.pages > {count} RETURN n.title",
    )
    for name in NAMES
    for count in range(40)
]


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer(ROWS, 450, 128)


@pytest.fixture(scope="module")
def rust(tokenizer: PreTrainedTokenizerFast) -> Tokenizer:
    return rust_tokenizer(tokenizer)


def test_special_tokens_come_first_and_are_single(rust: Tokenizer) -> None:
    assert [rust.token_to_id(token) for token in SPECIAL_TOKENS] == [0, 1, 2]
    assert rust.encode("".join(SPECIAL_TOKENS)).ids == [0, 1, 2]
    # Their letters were no training text: nothing was merged for them.
    assert not [token for token in rust.get_vocab() if re.fullmatch(r".?im_.*|.*<\|", token)]


def test_splits_and_normalises_as_qwen2_does(rust: Tokenizer) -> None:
    assert QWEN2_SPLIT == PRETOKENIZE_REGEX
    saved = json.loads(rust.to_str())
    assert saved["normalizer"] == {"type": "NFC"}
    split, byte_level = saved["pre_tokenizer"]["pretokenizers"]
    assert split["pattern"] == {"Regex": PRETOKENIZE_REGEX}
    assert (byte_level["type"], byte_level["use_regex"]) == ("ByteLevel", False)
    assert rust.encode("Cafe\u0301").ids == rust.encode("Caf\u00e9").ids


@pytest.mark.parametrize(
    "text", ["MATCH (n) RETURN n", "Ω≈ç√ 日本語 🏳️‍🌈", "\x00\x01 \t\r\n", "  spaces   ", "a" * 300]
)
def test_every_text_comes_back(rust: Tokenizer, text: str) -> None:
    ids = rust.encode(text).ids
    assert rust.decode(ids, skip_special_tokens=False) == text
    assert max(ids) < rust.get_vocab_size()


def test_digits_stand_alone(rust: Tokenizer) -> None:
    assert rust.encode("2024").tokens == ["2", "0", "2", "4"]


def test_a_name_has_the_same_tokens_wherever_it_stands(rust: Tokenizer) -> None:
    for name in NAMES:
        alone = rust.encode(name).tokens
        for text in (f" {name}", f":{name}", f"({name}", f".{name}"):
            assert rust.encode(text).tokens[1:] == alone
    # One that was never met, too: it is spelt from the same pieces.
    assert rust.encode(" Bookshelf").tokens[1:] == rust.encode(":Bookshelf").tokens[1:]


def test_words_that_are_not_copied_take_their_space_along(rust: Tokenizer) -> None:
    assert rust.encode(" nodes").tokens == ["Ġnodes"]
    assert rust.encode(" RETURN").tokens == ["ĠRETURN"]
    assert rust.encode(" title").tokens == ["Ġ", "title"]


def test_copied_words_are_those_of_the_rows_own_prompt() -> None:
    pairs = [("a name", "name the"), ("the other", "some the"), *[("no such", "the end")] * 3]
    rows = [RenderedExample(prompt, answer + IM_END) for prompt, answer in pairs]
    assert copied_words(rows) == {"name"}


def test_a_vocabulary_that_cannot_be_filled_is_smaller(tokenizer: PreTrainedTokenizerFast) -> None:
    small = train_tokenizer(ROWS, 100_000, 128)
    assert 259 < len(small) < 2000
    assert len(tokenizer) <= 450
    assert sorted(small.get_vocab().values()) == list(range(len(small)))


def test_the_same_rows_give_the_same_tokenizer(rust: Tokenizer) -> None:
    assert rust_tokenizer(train_tokenizer(ROWS, 450, 128)).to_str() == rust.to_str()


def test_saved_as_other_tools_expect_it(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path, save_jinja_files=False)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert (config["eos_token"], config["pad_token"]) == ("<|im_end|>", "<|endoftext|>")
    assert config["model_max_length"] == 128
    loaded = PreTrainedTokenizerFast.from_pretrained(tmp_path)
    messages = messages_for("Count the books.", "", "Be brief.")
    chat = [{"role": m.role, "content": m.content} for m in messages]
    rendered = loaded.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    assert rendered == render_prompt(messages)
