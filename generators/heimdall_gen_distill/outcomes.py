"""What comes of a prompt, and what is known of an answer on the way there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from attrs import field, frozen

from heimdall_core.types import Example
from heimdall_gen_distill.asking import Answer
from heimdall_gen_distill.items import Item

Status = Literal["accepted", "rejected", "failed", "not asked"]


class Rejected(Exception):
    """An answer that is not taken; its text is the reason."""


@frozen
class Outcome:
    """What came of one prompt."""

    item: Item
    status: Status
    reason: str = ""
    row: Example | None = None
    usd: float = 0.0
    """What its answers cost, whenever they were asked."""
    tokens: int = 0
    answers: tuple[Answer, ...] = ()
    """Its answers; other prompts may have the same ones."""
    text: str = ""
    """The last answer, of a rejected one."""


@frozen
class Found:
    """An answer that was read and checked."""

    fields: Mapping[str, str]
    query: str = ""
    canonical: str = ""
    family: str = ""
    marks: tuple[str, ...] = ()
    ran: str = ""
    """Digest of the rows that it gave on made-up data."""
    votes: int = 0
    score: int = 0
    """The judge's; 0 for none."""
    repaired: int = 0


@frozen
class Costs:
    """Answers so far of one prompt."""

    answers: list[Answer] = field(factory=list)

    @property
    def told(self) -> dict[str, Any]:
        """What an outcome says of them."""
        return {"usd": self.usd, "tokens": self.tokens, "answers": tuple(self.answers)}

    def add(self, answer: Answer) -> Answer:
        self.answers.append(answer)
        return answer

    @property
    def usd(self) -> float:
        """What they cost together."""
        return sum(each.usd for each in self.answers)

    @property
    def tokens(self) -> int:
        """Tokens of questions and answers."""
        return sum(each.prompt_tokens + each.answer_tokens for each in self.answers)
