"""Runs reference and answer and compares what they return."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version

from heimdall_core.errors import HeimdallError, did_you_mean
from heimdall_core.types import (
    Completion,
    EngineResult,
    EvaluateContext,
    Example,
    Json,
    Language,
    Measurement,
)
from heimdall_eval_execution.compare import Row, in_groups
from heimdall_eval_execution.failures import explain
from heimdall_eval_execution.graphs import Graphs, MadeGraphs
from heimdall_eval_execution.options import ExecutionOptions
from heimdall_eval_execution.reference import Reference, read_reference, writes

LANGUAGE = "cypher"

#: Longest query that is run; what is longer is no answer to any question of a data set.
_LONGEST = 20_000


def measure(
    context: EvaluateContext, options: ExecutionOptions | None = None
) -> Sequence[Measurement]:
    """1 for an answer that returns what the reference returns, on every graph; 0 for another, with
    the cause in `detail["failure"]`.

    A row has no weight where its reference cannot be run: it is of another language, names no
    known schema, writes where that is not allowed, or is more than the engine knows. An answer
    never crashes the suite: what the engine does not run, or not in time, is wrong.
    """
    options = options or ExecutionOptions()
    language = context.language(LANGUAGE)
    if language is None:
        raise HeimdallError(
            "needs the language plugin 'lang-cypher'",
            where="execution",
            hint="install heimdall-slm with its own plugins, or do not block it",
        )
    if not any(row.language == LANGUAGE for row in context.examples):
        skipped = Measurement(0.0, weight=0.0, detail={"skipped": "no Cypher"})
        return [skipped for _ in context.examples]
    with _graphs(language, options, context.schemas) as graphs:
        rows = [
            _Row(example, completion, language, options, graphs, context.schemas)
            for example, completion in zip(context.examples, context.completions, strict=True)
        ]
        # Rows that need the same graph follow each other: it is filled once.
        order = sorted(range(len(rows)), key=lambda i: rows[i].graph)
        found = {i: rows[i].measure() for i in order}
    return [found[i] for i in range(len(rows))]


def ready(options: ExecutionOptions) -> None:
    """Raises what would stop the metric at its first row; asks a server whether it is there."""
    if options.engine == "bolt":
        from heimdall_eval_execution.bolt import ready as server_ready

        server_ready(options)


def depends(options: ExecutionOptions) -> Mapping[str, str]:
    """The engine's version: a server says its own, a package has it."""
    if options.engine == "bolt":
        from heimdall_eval_execution.bolt import agent

        return {"server": agent(options)}
    name = options.engine or "graphdblite"
    try:
        return {"engine": f"{name} {version(name)}"}
    except PackageNotFoundError:
        return {"engine": name}


def _graphs(language: Language, options: ExecutionOptions, schemas: Mapping[str, Json]) -> Graphs:
    if options.engine == "bolt":
        from heimdall_eval_execution.bolt import BoltGraph

        return BoltGraph(options)
    if options.uri:
        raise HeimdallError(
            "the option 'uri' is for the engine 'bolt'",
            where="execution",
            hint="set engine = \"bolt\", or leave 'uri' out",
        )
    if language.engine is None or language.populate is None:
        raise HeimdallError(f"the language '{language.name}' has no engine", where="execution")
    if options.engine and options.engine not in language.engines:
        hint = did_you_mean(options.engine, (*language.engines, "bolt"))
        raise HeimdallError(f"unknown engine '{options.engine}'", where="execution", hint=hint)
    return MadeGraphs(language, options, schemas)


class _Row:
    """One row on its way to a measurement."""

    def __init__(
        self,
        example: Example,
        completion: Completion,
        language: Language,
        options: ExecutionOptions,
        graphs: Graphs,
        schemas: Mapping[str, Json],
    ) -> None:
        self.example, self.options, self.graphs = example, options, graphs
        self.wanted = example.output.strip()
        self.query = language.extract(completion.text)
        self.ended = completion.finish == "stop"
        self.schema = schemas.get(example.schema) if example.schema else None
        self.same_text = self.query.strip().rstrip(";") == self.wanted.rstrip(";")

    @property
    def graph(self) -> tuple[str, bool, str]:
        """Equal for rows that are run on the same graphs: an answer that is the reference letter
        by letter needs none with the reference's literals."""
        return self.example.schema, not self.same_text, "" if self.same_text else self.wanted

    def measure(self) -> Measurement:
        """The measurement of the row."""
        if self.example.language != LANGUAGE:
            return _skipped(f"language is '{self.example.language}'")
        if writes(self.wanted) and not self.options.writes:
            return _skipped("the reference writes, and the option 'writes' is off")
        if reason := self.graphs.unfit(self.example.schema):
            return _skipped(reason)
        if self.graphs.lost:
            return _lost(self.graphs.lost)
        found = self._on_graphs()
        if self.graphs.lost and found.detail.get("failure") != "timeout":
            return _lost(self.graphs.lost)  # whatever it was, it says nothing about the answer
        return found

    def _on_graphs(self) -> Measurement:
        for number in range(1 if self.same_text else self.graphs.count):
            found = self._on_graph(number)
            if found is not None:
                return found
        return Measurement(1.0)

    def _on_graph(self, number: int) -> Measurement | None:
        """The verdict of one graph; None where the answer is right on it."""
        wanted = "" if self.same_text else self.wanted
        if problem := self.graphs.open(self.example.schema, wanted, number):
            return _skipped(problem)
        if writes(self.wanted):
            return self._state()
        reference = read_reference(self.wanted)
        right = self.graphs.run(reference.query)
        if right.error:
            return _skipped(f"the reference does not run: {right.error}")
        if self.same_text and self.ended:
            return None
        if verdict := self._refused():
            return verdict
        answer = self.graphs.run(self.query)
        if answer.error:
            return self._wrong(answer)
        if not right.rows and not answer.rows:
            # Nothing was found by either, which shows little: the texts have to agree as well.
            if explain(self.wanted, self.query, self.schema).kind != "other":
                return self._wrong(answer)
            return None
        if same_results(reference, right, answer, self.options.tolerance):
            return None
        return self._wrong(answer)

    def _state(self) -> Measurement | None:
        """The verdict on a row whose reference writes: what both leave behind is compared, and
        what they return."""
        reference = read_reference(self.wanted)
        right, after = self.graphs.run_writing(self.wanted)
        if right.error:
            return _skipped(f"the reference does not run: {right.error}")
        if self.same_text and self.ended:
            return None
        if verdict := self._refused():
            return verdict
        answer, found = self.graphs.run_writing(self.query)
        if answer.error:
            return self._wrong(answer)
        plain = Reference(self.wanted, collects=reference.collects)
        if after != found or not same_results(plain, right, answer, self.options.tolerance):
            return self._wrong(answer)
        return None

    def _refused(self) -> Measurement | None:
        """A measurement for an answer that is not run at all."""
        if not self.ended:
            return _failed("other", "the answer was cut off")
        if not self.query:
            return _failed("empty", "no query in the answer")
        if len(self.query) > _LONGEST:
            return _failed("other", f"a query of {len(self.query)} characters is not run")
        if writes(self.query) and not writes(self.wanted):
            return _failed("writes", "it would write, and the question asks for reading; not run")
        return None

    def _wrong(self, answer: EngineResult) -> Measurement:
        failure = explain(self.wanted, self.query, self.schema)
        if answer.error_kind == "timeout":
            return _failed("timeout", answer.error)
        if answer.error and failure.kind not in ("does_not_parse", "unknown_name"):
            return _failed("fails", answer.error)
        if failure.kind == "other" and not answer.rows:
            return _failed("empty", "it returns no rows")
        return _failed(failure.kind, failure.detail)


def same_results(
    reference: Reference, right: EngineResult, answer: EngineResult, tolerance: float
) -> bool:
    """Whether an answer's rows are what the reference asks for. Columns are compared by place, and
    by name where both have the same names in another order."""
    names = reference.columns(right.columns)
    rows: Sequence[Row] = answer.rows
    if len(answer.columns) != len(names) and (answer.rows or answer.columns):
        return False
    # A reference that returns columns without any row may have lost their names.
    if len(rows) != reference.count(len(right.rows)):
        return False
    groups = reference.groups(right.rows)
    orders = (True, False) if reference.collects else (True,)
    places = [None, _places(names, answer.columns)]
    for place in places if places[1] else places[:1]:
        moved = rows if place is None else [[row[i] for i in place] for row in rows]
        if any(
            in_groups(
                groups, moved, skip=reference.skip, tolerance=tolerance, list_order=list_order
            )
            for list_order in orders
        ):
            return True
    return False


def _places(wanted: Sequence[str], found: Sequence[str]) -> list[int] | None:
    """Where each wanted column stands in the answer; None where the names are not the same."""
    if Counter(wanted) != Counter(found) or len(set(wanted)) < len(wanted):
        return None
    return [list(found).index(name) for name in wanted]


def _failed(kind: str, why: str) -> Measurement:
    return Measurement(0.0, detail={"failure": kind, "why": why[:500]})


def _lost(reason: str) -> Measurement:
    return Measurement(0.0, weight=0.0, detail={"skipped": reason[:500], "lost": reason[:500]})


def _skipped(reason: str) -> Measurement:
    return Measurement(0.0, weight=0.0, detail={"skipped": reason[:500]})
