"""What a recipe may set in this generator's table, and what `heimdall distill` takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from attrs import field, frozen, validators

from heimdall_core.secrets import no_secrets

Task = Literal["answer", "questions", "paraphrase", "explain", "evolve", "repair", "judge"]

_positive: Any = validators.gt(0)
_not_negative: Any = validators.ge(0)
#: Temperature at which answers differ enough to vote.
_VOTING = 0.7


@frozen
class DistillOptions:
    """Who is asked what, how fast, and for how much."""

    prompts: str = ""
    """File of prompts: one a line, or JSONL with `question`, `query`, `schema`, `category`."""
    teacher: str = "openai"
    """Teacher that is asked."""
    teacher_options: Mapping[str, Any] = field(factory=dict, validator=no_secrets)
    """The teacher's own options, such as `model`."""
    task: Task = "answer"
    """What it is asked to do with each prompt."""
    prompt: str = ""
    """Prompt file in place of the task's own."""
    plain: bool = False
    """Ask the bare question, without system message: for models that were trained on that."""
    schema: str = ""
    """JSON or JSONL file with graph schemas: shown to the teacher, and checked against."""
    dialect: str = "nornicdb"
    """Dialect of the queries."""
    execute: bool = True
    """Run queries on the embedded engine with made-up data, where a schema is known."""
    max_tokens: int = field(default=512, validator=_positive)
    """Longest answer."""
    temperature: float | None = field(default=None, validator=validators.optional(_not_negative))
    """0 for the likeliest answer; left out, 0 for one answer and 0.7 for several that vote."""
    samples: int = field(default=1, validator=_positive)
    """Answers per prompt that vote; the one that most of them mean is taken."""
    min_agree: int = field(default=0, validator=_not_negative)
    """Votes that it needs; 0 for more than half."""
    vote: Literal["canonical", "execution"] = "canonical"
    """Whether answers agree that mean the same, or that give the same rows."""
    repairs: int = field(default=0, validator=_not_negative)
    """Times that a refused query goes back with the checker's finding."""
    judge: str = ""
    """Second teacher that scores each pair; empty for none."""
    judge_options: Mapping[str, Any] = field(factory=dict, validator=no_secrets)
    """The judge's own options."""
    min_score: int = field(default=4, validator=[validators.ge(1), validators.le(5)])
    """Lowest score, 1 to 5, that is accepted."""
    budget_usd: float = field(default=0.0, validator=_not_negative)
    """Hard stop in US dollars, what is in flight included; 0 for none."""
    max_requests: int = field(default=0, validator=_not_negative)
    """Hard stop in requests, retries included; 0 for none."""
    requests_per_minute: float = field(default=0.0, validator=_not_negative)
    """Most requests a minute; 0 for no limit."""
    tokens_per_minute: float = field(default=0.0, validator=_not_negative)
    """Most tokens a minute, questions and answers together; 0 for no limit."""
    concurrency: int = field(default=32, validator=[_positive, validators.le(1024)])
    """Most requests at once; fewer while the server is busy."""
    attempts: int = field(default=6, validator=_positive)
    """Times that a request is sent before it counts as failed."""
    backoff: float = field(default=0.5, validator=_not_negative)
    """Seconds before the second try at most, doubled for each further one."""
    cache: str = ""
    """Folder where answers are kept; empty for the user's cache folder."""
    prices: str = ""
    """TOML table of prices that is looked at before the built-in one."""
    licence: str = field(default="LicenseRef-Distilled", validator=validators.min_len(1))
    """Licence of the rows, as SPDX writes it; the teacher's terms are noted in each."""

    @property
    def heat(self) -> float:
        """The temperature that is asked with."""
        if self.temperature is not None:
            return self.temperature
        return _VOTING if self.samples > 1 else 0.0


def inputs(options: DistillOptions) -> Iterator[Path]:
    """The files that the rows depend on."""
    for name in (options.prompts, options.prompt, options.schema):
        if name:
            yield Path(name)
