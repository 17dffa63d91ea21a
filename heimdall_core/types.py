"""What the hooks yield: one frozen class per hook result, and `Example`, the record that flows
through every stage. Each class says which hook yields it; each hook in `hookspecs.py` points back.

Nothing here imports more than attrs, so that a plugin's `plugin.py` can be imported by
`heimdall plugins` in milliseconds. Callables are given as plain functions; one that needs a heavy
package is wrapped in `lazy("module:function")` and is imported when first called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from json.encoder import encode_basestring_ascii
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self, runtime_checkable

from attrs import Factory, field, frozen

Json = Mapping[str, Any]

#: Token budgets of the `context_size` names, as in the training guide.
CONTEXT_SIZES: dict[str, int] = {
    "small": 512,
    "medium": 1024,
    "large": 2048,
    "xl": 4096,
    "max": 8192,
}


#: Schema of a row that is about no graph, or about one that nobody described.
NO_SCHEMA = "none"


def lazy(reference: str) -> Callable[..., Any]:
    """A function that imports `"package.module:function"` when it is first called."""
    module, _, name = reference.partition(":")

    def call(*args: Any, **kwargs: Any) -> Any:
        return getattr(import_module(module), name)(*args, **kwargs)

    call.__name__ = call.__qualname__ = name
    call.__dict__["reference"] = reference  # another process can import it by this
    call.__doc__ = f"Imports and calls `{reference}`."
    return call


@frozen
class NoOptions:
    """The options of a plugin that has none."""


# --- the record ----------------------------------------------------------------------------------


def content_id(*parts: str) -> str:
    """16 hex digits of system, instruction, input and output."""
    import hashlib  # it loads OpenSSL, which a list of plugins need not wait for

    # As `json.dumps` of the list, at a third of its time.
    text = f"[{', '.join(map(encode_basestring_ascii, parts))}]"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@frozen
class Example:
    """One row of a dataset: a question with its one right answer, and where it comes from.

    The first five fields are the predecessor's JSONL; the others are ours and may be empty.
    """

    instruction: str
    input: str = ""
    output: str = ""
    category: str = ""
    context_size: str = "small"
    id: str = ""
    """Content hash of system, instruction, input and output; filled in by `with_id`."""
    source: str = ""
    """The generator's name, or the file that the row was imported from."""
    licence: str = ""
    """SPDX identifier."""
    language: str = ""
    """Name of the `Language` of `output`; empty for prose."""
    schema: str = ""
    """Name of the graph schema that the answer is about."""
    family: str = ""
    """Template family: rows of one family differ in names, values and wording alone."""
    combination: str = ""
    """Schema + family + values: rows that share it are paraphrases and never cross a split."""
    system: str = ""
    """System message, where the row has one of its own."""
    verification: tuple[str, ...] = ()
    """Checks that the row has passed, such as `cypher:syntax`."""
    meta: Json = field(factory=dict)
    """Anything else: plain JSON. Unknown keys of an imported file are kept here."""

    def content_id(self) -> str:
        """16 hex digits that depend on what the model sees and answers, on nothing else."""
        return content_id(self.system, self.instruction, self.input, self.output)

    @property
    def prompt_key(self) -> tuple[str, str, str]:
        """Two rows with the same key show the model the same prompt."""
        return (self.system, self.instruction, self.input)


# --- heimdall_generators -------------------------------------------------------------------------


@frozen
class GenerateContext:
    """What a generator may depend on. The same context and options give the same rows."""

    count: int
    """How many rows are wanted. Fewer is allowed (the shortfall is reported), copies are not."""
    seed: int
    repo: Path | None = None
    """A NornicDB checkout (`--repo`), read at run time."""
    quotas: Mapping[str, int] = field(factory=dict)
    """Rows wanted per category in a second pass; empty in the first."""
    language: Callable[[str], Language] | None = None
    """Looks a language plugin up by name."""
    note: Callable[[str], None] = lambda text: None
    """Reports something that the user should read: a shortfall, a skipped input."""
    teacher: Callable[[str], Teacher] | None = None
    """Looks a teacher plugin up by name."""
    part: tuple[int, int] = (0, 1)
    """`(k, n)`: the rows are part k of n, each made by itself, perhaps elsewhere, with a seed of
    its own. From k = n on, parts fill up what the others lack: nothing belongs to them alone. For
    a generator that `splits`."""


@frozen
class Generator:
    """Yielded by `heimdall_generators`: one or more dataset categories."""

    name: str
    summary: str
    categories: tuple[str, ...]
    examples: Callable[[GenerateContext, Any], Iterator[Example]]
    """`examples(context, options)`: a pure stream of unique rows."""
    options: type = NoOptions
    """Frozen attrs class that a recipe's table is structured into."""
    licence: str = "MIT"
    version: str = "1"
    schemas: Callable[[Any], Mapping[str, Json]] | None = None
    """`schemas(options)`: the graph schemas that rows name, as plain JSON for the language."""
    inputs: Callable[[Any], Iterable[Path]] | None = None
    """`inputs(options)`: the files and folders that the options name. What they hold belongs to
    the key of the stage: a changed file makes the rows again."""
    splits: bool = False
    """Whether large counts may be made in parts (`GenerateContext.part`). Whatever is limited over
    the whole dataset, such as the rows about one fact, must then belong to one part alone."""


# --- heimdall_languages --------------------------------------------------------------------------


@frozen
class Finding:
    """One thing that a language found in a query. A query with an `error` is not valid."""

    code: str
    severity: Literal["error", "warning", "info"]
    message: str
    line: int = 1
    column: int = 1
    """1-based, in characters."""
    end_line: int = 0
    end_column: int = 0
    """0 where unknown."""
    kind: Literal["syntax", "semantics", "schema", "performance", "dialect"] = "syntax"
    suggestion: str = ""
    """What was likely meant, or the rewrite that works."""


@frozen
class CheckRequest:
    """What a query is checked against."""

    dialect: str = ""
    """One of the language's dialects; empty for its default."""
    schema: Json | None = None
    """Typed graph schema as plain JSON, in the language's own shape."""
    parameters: tuple[str, ...] | None = None
    """Declared parameters; None where unknown."""
    performance: bool = True
    """Whether performance findings are wanted."""


@frozen
class Normalised:
    """Two queries with one `canonical` mean the same; with one `family`, they differ in names
    and literals alone."""

    canonical: str
    family: str


@frozen
class Complexity:
    """How hard a query is."""

    level: int
    """1 (one clause) to 5 (several stages, subqueries)."""
    context_size: str
    """A key of `CONTEXT_SIZES`."""
    counts: Mapping[str, int] = field(factory=dict)


@runtime_checkable
class Engine(Protocol):
    """An executable database of one language, in a process of its own. A context manager."""

    name: str

    def load(self, statements: Sequence[str]) -> None:
        """Runs set-up statements; raises `HeimdallError` where one fails."""

    def run(self, query: str, parameters: Json | None = None) -> EngineResult:
        """Runs one query. Never raises for a failing query: see `EngineResult.error`."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


@frozen
class EngineResult:
    """Rows of a query, or why there are none."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    error: str = ""
    """Empty on success."""
    error_kind: Literal[
        "", "syntax", "unsupported", "runtime", "timeout", "crash", "too_many_rows"
    ] = ""


@frozen
class Language:
    """Yielded by `heimdall_languages`: a query language. The core verifies, deduplicates and
    executes through it and knows no language itself."""

    name: str
    summary: str
    dialects: tuple[str, ...]
    """The first one is the default."""
    check: Callable[[str, CheckRequest], Sequence[Finding]]
    normalise: Callable[[str], Normalised]
    """Raises `HeimdallError` for a query that does not parse."""
    format: Callable[[str], str]
    extract: Callable[[str], str]
    """`extract(answer)`: the query inside a model's answer (code fences, leading prose), or ''."""
    complexity: Callable[[str], Complexity] | None = None
    vocabulary: Callable[[str], Mapping[str, Sequence[str]]] | None = None
    """`vocabulary(query)`: the names that it mentions, by what they name (`labels`, `properties`).
    Raises `HeimdallError` for a query that does not parse."""
    grammar: Callable[[str, Json | None], str] | None = None
    """`grammar(variant, schema)`: GBNF for llama.cpp."""
    engines: tuple[str, ...] = ()
    engine: Callable[[str], Engine] | None = None
    """`engine(name)`: an embedded engine, by one of `engines`; the first is the default."""
    populate: Callable[[Json, int], Sequence[str]] | None = None
    """`populate(schema, seed)`: statements that fill an engine with data of that schema."""
    witness: Callable[[str, Json, int], Sequence[str]] | None = None
    """`witness(query, schema, seed)`: statements that add data which the query finds."""


# --- heimdall_teachers ---------------------------------------------------------------------------


@frozen
class TeacherAnswer:
    """What a teacher answered, and what it cost."""

    text: str
    prompt_tokens: int = 0
    answer_tokens: int = 0
    finish: Literal["stop", "length", "refused", "error"] = "stop"


@frozen
class TeacherRequest:
    """One thing that a teacher is asked."""

    messages: tuple[Any, ...]
    """As in `heimdall_core.prompt`."""
    max_tokens: int = 512
    temperature: float = 0.0
    sample: int = 0
    """Which of several answers to one request: another number is another answer."""
    answer_schema: Json | None = None
    """JSON schema that the answer's text must follow, where the teacher can be held to one."""


@runtime_checkable
class TeacherSession(Protocol):
    """An open connection to a teacher, asked many times at once."""

    model: str
    """Name of the model that answers, for prices and provenance."""
    structured: bool
    """Whether it can be held to an `answer_schema`."""

    def render(self, request: TeacherRequest) -> Json:
        """The request as it is sent, without any secret: plain JSON, the same for the same
        request. Answers are kept under it."""

    async def send(self, rendered: Json) -> TeacherAnswer:
        """Sends a rendered request once, without trying again. Raises `TeacherFailure`."""

    async def close(self) -> None: ...


@frozen
class Teacher:
    """Yielded by `heimdall_teachers`: a large model that answers prompts."""

    name: str
    summary: str
    answer: Callable[[Sequence[Any], Any], TeacherAnswer]
    """`answer(messages, options)`, messages as in `heimdall_core.prompt`."""
    options: type = NoOptions
    terms: str = ""
    """Licence note on what may be done with its answers."""
    open: Callable[[Any], TeacherSession] | None = None
    """`open(options)`: a session for many requests at once; without it `answer` is called in
    threads."""


# --- heimdall_trainers ---------------------------------------------------------------------------


@frozen
class TrainContext:
    """What a trainer is given. It writes the model into `output`, checkpoints into `work`."""

    train: Path
    validation: Path
    """JSONL files of `Example`."""
    output: Path
    """An empty directory; it is moved to its final place when training has ended well."""
    work: Path
    """Kept when a run is killed: a checkpoint found here is resumed."""
    seed: int
    emit: Callable[[Event], None] = lambda event: None
    """Reports progress and metrics."""
    threads: int = 0
    """CPU threads; 0 lets the trainer choose."""
    cache: Path | None = None
    """Where tokenised rows are kept for other runs as well; None for `work`."""


@frozen
class TrainResult:
    """What training came to."""

    metrics: Mapping[str, float]
    """Final figures: `train_loss`, `validation_loss`, `tokens_per_second` …"""
    history: tuple[Json, ...] = ()
    """One entry per logged step: `{"step": …, "loss": …, …}`."""
    counts: Mapping[str, int] = field(factory=dict)
    """Rows and tokens seen, truncated, dropped."""


@frozen
class Estimate:
    """Forecast of a stage."""

    seconds: float | None = None
    bytes: int | None = None
    """Peak memory."""
    details: Mapping[str, Any] = field(factory=dict)
    """Anything worth printing: parameters, sizes, what the figures rest on."""


@frozen
class Trainer:
    """Yielded by `heimdall_trainers`: curated splits + base model in, model directory out."""

    name: str
    summary: str
    train: Callable[[TrainContext, Any], TrainResult]
    """`train(context, config)`, with a `heimdall_core.TrainingConfig`."""
    reads: frozenset[str]
    """The fields of `TrainingConfig` that it reads; a recipe that sets another is refused."""
    estimate: Callable[[Any, int, float], Estimate] | None = None
    """`estimate(config, rows, tokens_per_row)`."""
    ready: Callable[[Any], None] | None = None
    """`ready(config)`: raises, before a run's first stage, what would stop training later: a
    package that is missing, settings that contradict each other. Imports nothing heavy."""
    version: str = "1"
    defaults: Json = field(factory=dict)
    """Values for the fields that neither the recipe nor its preset sets."""


# --- heimdall_runtimes ---------------------------------------------------------------------------


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
class LoadedModel(Protocol):
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

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


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


# --- heimdall_evaluators -------------------------------------------------------------------------


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


# --- heimdall_exporters --------------------------------------------------------------------------


@frozen
class Artefact:
    """A file that an exporter wrote."""

    path: Path
    kind: str
    """What it is, such as `gguf:Q4_K_M`."""
    details: Json = field(factory=dict)


@frozen
class ExportContext:
    """What an exporter is given."""

    model: Path
    """Model directory."""
    output: Path
    """Directory, or the file's final name; written under a temporary name and renamed."""
    metadata: Json = field(factory=dict)
    """Licence, base model, dataset hashes, recipe hash, metrics: for the artefact's own header."""
    examples: Sequence[Example] = ()
    """Rows as the model will meet them, for an exporter that looks at what matters to them."""
    emit: Callable[[Event], None] = lambda event: None


@frozen
class Check:
    """One line of a proof."""

    name: str
    passed: bool
    detail: str
    """What was compared, and how many."""


@frozen
class VerifyContext:
    """What a proof is given."""

    model: Path
    artefact: Path
    examples: Sequence[Example]
    """Prompts to compare on."""
    texts: int = 200
    answers: int = 50
    max_new_tokens: int = 128
    options: Any = None
    """The exporter's options of that export; None where they are not known."""
    emit: Callable[[Event], None] = lambda event: None


@frozen
class Exporter:
    """Yielded by `heimdall_exporters`: writes an artefact from a model directory."""

    name: str
    summary: str
    export: Callable[[ExportContext, Any], Sequence[Artefact]]
    """`export(context, options)`."""
    options: type = NoOptions
    kinds: Callable[[Any], tuple[str, ...]] | None = None
    """`kinds(options)`: the kinds of the artefacts that it will write, so that a recipe that
    evaluates another one is refused before anything runs."""
    ready: Callable[[Any], None] | None = None
    """`ready(options)`: as `Trainer.ready`."""
    verify: Callable[[VerifyContext], Sequence[Check]] | None = None
    """Proves an artefact against the model it came from."""
    formats: Callable[[], Mapping[str, str]] | None = None
    """`formats()`: what the option `quant_types` may name, each with a line of description."""
    version: str = "1"


# --- the other hooks -----------------------------------------------------------------------------


@frozen
class Preset:
    """Yielded by `heimdall_presets`: a named recipe, or a part of one."""

    name: str
    summary: str
    recipe: Json
    """As read from TOML."""


class Stream(Protocol):
    """Work that is handed in piece by piece and comes back in the same order."""

    def put(self, item: Any) -> None:
        """Hands a piece in; returns at once."""

    def ready(self) -> bool:
        """Whether `take` should be called before more is put: enough is under way."""

    def take(self) -> Any:
        """The result of the piece that has waited longest; what the function raised is raised."""

    def waiting(self) -> int:
        """Pieces that were put and not taken."""

    def close(self) -> None:
        """Gives up what is still under way."""


class Exchange(Protocol):
    """Pieces of many items brought together by key, kept where they were made: the caller sees
    none of them. Lost with the worker that held them, they are made again."""

    def scatter(self, function: Callable[[Any, int], Any], items: Iterable[Any]) -> Iterator[Any]:
        """`function(item, parts)` gives `(result, pieces)`, a piece for each part; yields the
        results, in order of the items."""

    def gather(self, function: Callable[[Sequence[Any], Any], Any], shared: Any) -> None:
        """Makes of each part's pieces, in order of the items, one state:
        `function(pieces, shared)`. The pieces are gone afterwards."""

    def each(self, function: Callable[[Any, Any], Any], shared: Any) -> Iterator[Any]:
        """`function(state, shared)` for each part, in order of the parts."""


class ExecutorSession(Protocol):
    """An executor at work. A context manager."""

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """As `Executor.map`."""

    def stream(self, function: Callable[[Any], Any]) -> Stream | None:
        """The same work, handed in as it comes up; None to leave it to this machine."""

    def exchange(self) -> Exchange | None:
        """A new exchange, of as many parts as the executor finds right: their number changes no
        result. None to leave it to this machine."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


@frozen
class Executor:
    """Yielded by `heimdall_executors`: where the data stages spread their work. Chosen by
    `[executor] name` or `--executor`."""

    name: str
    summary: str
    map: Callable[[Callable[[Any], Any], Iterable[Any], Any], Iterator[Any]]
    """`map(function, items, options)`: results in the order of the items. Function, items and
    results can be sent to another process by `cloudpickle`."""
    options: type = NoOptions
    train: (
        Callable[[Callable[[TrainContext, Any], TrainResult], TrainContext, Any, Any], TrainResult]
        | None
    ) = None
    """`train(trainer, context, config, options)`: `trainer(context, config)` in as many processes
    as the executor finds right; the model lies in `context.output` in the end. Without it, a
    training runs in this process."""
    open: Callable[[Any, Callable[[Event], None]], ExecutorSession] | None = None
    """`open(options, emit)`: a session for the many maps of one command, which reports through
    `emit` what is lost and done again. Without it, `map` is called for each."""


@frozen
class Command:
    """Yielded by `heimdall_commands`: a command (group) of the plugin's own."""

    name: str
    summary: str
    load: Callable[[], Any]
    """Returns the click command; called when the command is used."""


# --- observation ---------------------------------------------------------------------------------


@frozen
class Event:
    """Something that happened inside a stage: a metric, progress, a note for the user."""

    kind: Literal["progress", "metric", "note", "warning"]
    stage: str = ""
    message: str = ""
    done: float = 0
    total: float = 0
    values: Mapping[str, float] = field(factory=dict)


@frozen
class StageInfo:
    """What observers of a stage are told."""

    run: str
    stage: str
    key: str
    """Content address of the stage's output."""
    output: Path
    options: Json = field(factory=dict)
    manifest: Json = Factory(dict)
    """Empty before the stage has run."""
    tracking: Json = field(factory=dict)
    """For trackers, of a training alone: `folder` to write into, `trackers` that are wanted,
    `wandb_project`, and the `config` of the training."""
