"""Entry point of the plugin."""

from __future__ import annotations

from collections.abc import Iterator

from heimdall_core import Evaluator, hookimpl, lazy
from heimdall_eval_semantic_similarity.options import SemanticSimilarityOptions


@hookimpl
def heimdall_evaluators() -> Iterator[Evaluator]:
    yield Evaluator(
        name="semantic_similarity",
        summary="Cosine of the sentence embeddings of answer and right answer.",
        measure=lazy("heimdall_eval_semantic_similarity.measure:measure"),
        options=SemanticSimilarityOptions,
        ready=lazy("heimdall_eval_semantic_similarity.model:ready"),
        depends=lazy("heimdall_eval_semantic_similarity.model:depends"),
        target=0.85,
        bounds=(-1.0, 1.0),
    )
