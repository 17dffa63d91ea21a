"""What `heimdall_runtimes` yields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from attrs import frozen

from heimdall_core.types.base import Held, NoOptions


@frozen
class Completion:
    """One answer of a model."""

    text: str
    """Without the stop marker."""
    tokens: int
    """Tokens generated, the end token included."""
    finish: Literal["stop", "length", "context"]
    """`length`: cut off at `max_new_tokens`; `context`: the prompt left no room."""
    seconds: float = 0.0


@frozen
class TokenScores:
    """Natural-log probabilities of an answer's tokens, given everything before each."""

    log_probs: tuple[float, ...]


@runtime_checkable
class LoadedModel(Held, Protocol):
    """A model in memory. Evaluators, `verify` and `chat` see only this. A context manager."""

    name: str
    context_size: int

    def tokenize(self, text: str) -> list[int]:
        """Token ids of `text`; control markers in it become their single tokens; no BOS added
        beyond what the model's own settings add."""

    def generate(
        self,
        prompts: Sequence[str],
        *,
        max_new_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
        grammar: str = "",
        on_text: Callable[[str], None] | None = None,
    ) -> list[Completion]:
        """One completion per rendered prompt, in order; greedy at temperature 0. `on_text` gets
        the pieces as they come and is allowed with one prompt only."""

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[TokenScores]:
        """Log-probabilities of each (rendered prompt, answer text) pair's answer tokens."""

    def logits(self, prompt: str) -> Sequence[float]:
        """Next-token logits after a rendered prompt, one per vocabulary entry."""

    def close(self) -> None: ...


@frozen
class Runtime:
    """Yielded by `heimdall_runtimes`: loads a model directory, adapter or GGUF."""

    name: str
    summary: str
    handles: Callable[[Path], bool]
    """Whether a path looks like something it can load; must not import anything heavy."""
    load: Callable[[Path, Any], LoadedModel]
    """`load(path, options)`."""
    options: type = NoOptions
