"""What `heimdall_evaluators` yields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import field, frozen

from heimdall_core.types.base import Json, NoOptions
from heimdall_core.types.example import Example
from heimdall_core.types.languages import Language
from heimdall_core.types.runtimes import Completion, LoadedModel


@frozen
class EvaluateContext:
    """What an evaluator is given."""

    examples: Sequence[Example]
    completions: Sequence[Completion]
    """Greedy answers to `examples`, in order; empty where the evaluator does not need them."""
    model: LoadedModel | None
    """For evaluators that score; None for those that only read the answers."""
    language: Callable[[str], Language | None] = lambda name: None
    schemas: Mapping[str, Json] = field(factory=dict)
    seed: int = 0
    max_new_tokens: int = 256
    """Longest answer, for evaluators that ask the model themselves."""


@frozen
class Measurement:
    """The value of one example. Aggregation is a weighted mean unless the evaluator says else."""

    value: float
    weight: float = 1.0
    detail: Json = field(factory=dict)
    """Plain JSON. Where the weight is 0, `skipped` says why; `lost` says what kept a row from being
    measured that another day would be (a server that went away): the metric is then incomplete."""


@frozen
class Evaluator:
    """Yielded by `heimdall_evaluators`: one metric."""

    name: str
    summary: str
    measure: Callable[[EvaluateContext, Any], Sequence[Measurement]]
    """`measure(context, options)`: one measurement per example, in order."""
    needs: frozenset[str] = frozenset({"answers"})
    """`answers` (completions are generated once for all evaluators) and/or `model`."""
    aggregate: Callable[[Sequence[Measurement]], float] | None = None
    """None: weighted mean. Also applied to every bootstrap resample."""
    target: float | None = None
    higher_is_better: bool = True
    options: type = NoOptions
    version: str = "1"
    ready: Callable[[Any], None] | None = None
    """`ready(options)`: as `Trainer.ready`."""
    rowwise: bool = False
    """Whether a row's measurement hangs on that row and its answer alone, and on no model: the rows
    may then be measured in parts, on other machines."""
    bounds: tuple[float, float] | None = None
    """Lowest and highest value that the metric can have (`math.inf` where it has no end); a recipe
    with a target outside of them is refused. None where nothing is known."""
    depends: Callable[[Any], Mapping[str, str]] | None = None
    """`depends(options)`: what figures depend on beside the evaluator's own code and options, such
    as the version of an engine or the checksum of a model, by name. A locked suite holds it."""
