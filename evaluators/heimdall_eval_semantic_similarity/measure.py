"""Cosine similarity of sentence embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from heimdall_core.errors import HeimdallError
from heimdall_core.types import EvaluateContext, Measurement
from heimdall_eval_semantic_similarity.model import load_model, model_folder
from heimdall_eval_semantic_similarity.options import SemanticSimilarityOptions


def measure(
    context: EvaluateContext, options: SemanticSimilarityOptions | None = None
) -> Sequence[Measurement]:
    """The cosine of the embeddings of an answer and its right one, from 0 (negative ones count as
    0) to 1. An empty answer is 0, whatever the model makes of an empty text.

    An answer that was cut off is compared as far as it goes. `detail["truncated"]` says that a
    text was longer than the embedding model reads, so that its end was not looked at.
    """
    options = options or SemanticSimilarityOptions()
    if len(context.completions) != len(context.examples):
        raise HeimdallError(
            f"{len(context.completions)} answers for {len(context.examples)} rows",
            where="semantic_similarity",
        )
    pairs = [
        (row.output.strip(), answer.text.strip())
        for row, answer in zip(context.examples, context.completions, strict=True)
    ]
    texts = sorted({text for pair in pairs for text in pair if text})
    if not texts:
        return [Measurement(0.0, detail={"empty": True}) for _ in pairs]
    folder = model_folder(options.model)
    model = load_model(folder)
    vectors = _vectors(model, str(folder), texts, options.batch_size)
    long = _too_long(model, texts)
    return [_pair(vectors, long, expected, answer) for expected, answer in pairs]


def _pair(vectors: dict[str, Any], long: set[str], expected: str, answer: str) -> Measurement:
    if not answer or not expected:
        return Measurement(float(answer == expected), detail={"empty": True})
    if answer == expected:
        return Measurement(1.0)
    cosine = float(vectors[expected] @ vectors[answer])
    detail = {"truncated": True} if {expected, answer} & long else {}
    return Measurement(min(1.0, max(0.0, cosine)), detail=detail)


#: Vectors of the texts of earlier calls: the right answers are the same for every file of a run.
_KNOWN: dict[tuple[str, str], Any] = {}
_MOST_KNOWN = 20_000


def _vectors(model: Any, folder: str, texts: Sequence[str], batch_size: int) -> dict[str, Any]:
    """Vectors of length 1, by text."""
    missing = [text for text in texts if (folder, text) not in _KNOWN]
    if len(_KNOWN) + len(missing) > _MOST_KNOWN:
        _KNOWN.clear()
        missing = list(texts)
    if missing:
        found = _embed(model, missing, batch_size)
        _KNOWN.update(((folder, text), v) for text, v in zip(missing, found, strict=True))
    return {text: _KNOWN[folder, text] for text in texts}


def _embed(model: Any, texts: Sequence[str], batch_size: int) -> Any:
    """(N, D) float32 vectors of length 1. Texts are cut to what the model could read of them: a
    tokenizer takes its time over 100 kB."""
    most = 16 * _window(model)
    return model.encode(
        [text[:most] for text in texts],
        batch_size=batch_size,
        show_progress_bar=False,
        convert_to_numpy=True,
        normalize_embeddings=True,
    )


def _too_long(model: Any, texts: Sequence[str]) -> set[str]:
    """Texts with more tokens than the model reads."""
    window = _window(model)
    # A token is at least one character, so a text with fewer characters fits.
    candidates = [text for text in texts if len(text) > window - 2]
    # Quietly: that a text is too long is what is being found out, and told with the row.
    sizes = (
        len(model.tokenizer(text[: 16 * window], add_special_tokens=False, verbose=False).input_ids)
        + 2
        for text in candidates
    )
    return {text for text, size in zip(candidates, sizes, strict=True) if size > window}


def _window(model: Any) -> int:
    return int(getattr(model, "max_seq_length", None) or 512)
