r"""The one place where a prompt is rendered: training, evaluation, export and serving call it.

The format is ChatML, byte for byte as NornicDB's server writes it for every model it loads:

    <|im_start|>ROLE\nCONTENT<|im_end|>\n        for each message
    <|im_start|>assistant\n                      the prompt's end; the answer follows
    ANSWER<|im_end|>                             what a model is trained to emit

NornicDB never reads a GGUF's own chat template, so `CHAT_TEMPLATE` (written into every exported
file for other tools) must say the same; a test renders both.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final, Literal

from attrs import frozen

from heimdall_core.errors import PromptError

IM_START: Final = "<|im_start|>"
IM_END: Final = "<|im_end|>"
END_OF_TEXT: Final = "<|endoftext|>"

#: Special tokens every Heimdall tokenizer holds as single tokens, in the order of their ids.
SPECIAL_TOKENS: Final = (END_OF_TEXT, IM_START, IM_END)

#: Where generation stops. NornicDB compares these with one detokenised piece at a time.
STOP: Final = (IM_END, END_OF_TEXT, "</s>")

#: The same rendering for tools that want Jinja (transformers, llama.cpp's server, Ollama).
CHAT_TEMPLATE: Final = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)

#: Names of the renderings that a row's tokens can be counted under: the contract's, and no other.
PROFILES: Final = ("chatml",)

Role = Literal["system", "user", "assistant"]


@frozen
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@frozen
class RenderedExample:
    """A training row as text: the loss covers `answer` alone, which ends in `<|im_end|>`."""

    prompt: str
    answer: str


def normalise_text(text: str) -> str:
    """Unicode NFC. Qwen2's Hugging Face tokenizer applies it and llama.cpp does not, so the
    contract does it before either sees the text; then both give the same token ids."""
    return unicodedata.normalize("NFC", text)


def render_prompt(messages: Iterable[Message]) -> str:
    """The conversation as the model sees it, up to where its answer begins.

    Raises `PromptError` for a role NornicDB does not know, and for content that holds a ChatML
    marker: a server would read it as the end of the turn.
    """
    parts = []
    for message in messages:
        if message.role not in ("system", "user", "assistant"):
            raise PromptError(
                f"unknown role '{message.role}'", hint="roles are system, user and assistant"
            )
        parts.append(f"{IM_START}{message.role}\n{_clean(message.content)}{IM_END}\n")
    if not parts:
        raise PromptError("a prompt needs at least one message")
    return "".join(parts) + f"{IM_START}assistant\n"


def user_turn(instruction: str, input: str = "") -> str:
    """The text of the user's turn: the instruction, then its input on a line of its own."""
    return f"{instruction}\n{input}" if input else instruction


def messages_for(instruction: str, input: str = "", system: str = "") -> tuple[Message, ...]:
    """The conversation for one question, with a system message only where there is one."""
    user = Message("user", user_turn(instruction, input))
    return (Message("system", system), user) if system else (user,)


def render_example(instruction: str, input: str, output: str, system: str = "") -> RenderedExample:
    """A row as it is trained: `prompt` masked out of the loss, `answer` with its end token."""
    prompt = render_prompt(messages_for(instruction, input, system))
    return RenderedExample(prompt, _clean(output) + IM_END)


def strip_answer(text: str) -> str:
    """A generated answer without the stop marker a runtime may have left at its end."""
    cut = min((at for stop in STOP if (at := text.find(stop)) >= 0), default=len(text))
    return text[:cut]


def render_prompts(conversations: Sequence[Sequence[Message]]) -> list[str]:
    """`render_prompt` over many conversations, in order."""
    return [render_prompt(messages) for messages in conversations]


def _clean(content: str) -> str:
    for marker in SPECIAL_TOKENS:
        if marker in content:
            raise PromptError(
                f"the text contains the control marker {marker}",
                hint="remove it: a server would take it for the end of a turn",
            )
    return normalise_text(content)
