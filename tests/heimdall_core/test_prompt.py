"""The prompt contract: the bytes that NornicDB sends, the same everywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heimdall_core.errors import PromptError
from heimdall_core.prompt import (
    CHAT_TEMPLATE,
    SPECIAL_TOKENS,
    Message,
    messages_for,
    render_example,
    render_prompt,
    strip_answer,
)

contents = st.text(max_size=40).filter(lambda t: not any(s in t for s in SPECIAL_TOKENS))


def test_the_bytes_are_those_of_the_server() -> None:
    rendered = render_prompt([Message("system", "Be brief."), Message("user", "Count nodes")])
    assert rendered == (
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        "<|im_start|>user\nCount nodes<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_a_training_row_is_a_served_prompt_and_an_answer_that_ends() -> None:
    row = render_example("Explain", "MATCH (n) RETURN n", "It returns all nodes.")
    assert row.prompt == render_prompt([Message("user", "Explain\nMATCH (n) RETURN n")])
    assert row.answer == "It returns all nodes.<|im_end|>"


@given(contents, contents, contents)
def test_the_written_template_renders_the_same(system: str, first: str, second: str) -> None:
    jinja2 = pytest.importorskip("jinja2.sandbox", reason="jinja2 is not installed")
    template = jinja2.SandboxedEnvironment().from_string(CHAT_TEMPLATE)
    messages = [
        Message("system", system),
        Message("user", first),
        Message("assistant", second),
        Message("user", first),
    ]
    plain = [{"role": m.role, "content": m.content} for m in messages]
    # The contract normalises before anything is rendered, so compare on what it would send.
    from heimdall_core.prompt import normalise_text

    for message in plain:
        message["content"] = normalise_text(message["content"])
    assert template.render(messages=plain, add_generation_prompt=True) == render_prompt(messages)


@pytest.mark.parametrize("marker", SPECIAL_TOKENS)
def test_a_control_marker_in_the_text_is_refused(marker: str) -> None:
    with pytest.raises(PromptError, match="control marker"):
        render_prompt(messages_for(f"hello {marker} there"))
    with pytest.raises(PromptError, match="control marker"):
        render_example("a", "", f"b{marker}")


def test_text_is_normalised_before_any_tokenizer_sees_it() -> None:
    assert "é" in render_prompt(messages_for("e\u0301"))


@pytest.mark.parametrize("messages", [[], [Message("tool", "x")]])  # type: ignore[arg-type]
def test_what_cannot_be_sent_is_refused(messages: list[Message]) -> None:
    with pytest.raises(PromptError):
        render_prompt(messages)


def test_an_answer_ends_at_the_first_stop_marker() -> None:
    assert strip_answer("RETURN 1<|im_end|>\n<|endoftext|>") == "RETURN 1"
    assert strip_answer("RETURN 1") == "RETURN 1"
