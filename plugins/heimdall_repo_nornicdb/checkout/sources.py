"""Tables of a checkout's source: functions, procedures, statements, settings, queries."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from heimdall_repo_nornicdb.checkout.files import Files, SourceFile
from heimdall_repo_nornicdb.checkout.golang import (
    Token,
    arguments,
    calls,
    closing,
    joined_string,
    line_of,
    tokens,
)

APOC = "apoc/apoc.go"
CALLS = "pkg/cypher/call.go"
SHOW = "pkg/cypher/executor_show.go"
PATTERNS = "pkg/cypher/regex_patterns.go"
CONFIG = "pkg/config/config.go"
EXAMPLE_CONFIG = "nornicdb.example.yaml"
FUNCTIONS = "pkg/cypher/"

_CLAUSE = re.compile(
    r"(?:MATCH|CREATE|MERGE|OPTIONAL MATCH|UNWIND|WITH|RETURN|CALL|DELETE|DETACH DELETE|DROP|SHOW|"
    r"EXPLAIN|PROFILE|FOREACH|LOAD CSV|ALTER)\s"
)
_FENCE = re.compile(r"^[ \t]*(?P<mark>`{3,}|~{3,})[ \t]*(?P<word>[\w+-]*)[^\n]*$", re.MULTILINE)
_VERB = re.compile(r"%[-+#0-9.]*[a-zA-Z]")


@frozen
class Registration:
    """An `apoc.*` function that the server registers."""

    name: str
    category: str
    description: str
    example: str
    """The documented `call => result`."""
    line: int


@frozen
class Documented:
    """A function or procedure that SHOW lists."""

    name: str
    signature: str
    description: str


@frozen
class Setting:
    """A configuration key of the source."""

    env: str
    kind: str
    """`text`, `bool`, `int`, `float`, `duration` or `list`, by the reader that the source calls."""
    line: int


@frozen
class Snippet:
    """A query that the checkout holds."""

    text: str
    path: str
    line: int


def read_registrations(files: Files) -> tuple[Registration, ...]:
    """Every `register("apoc.…", "category", function, "description", []string{"example"})`."""
    file = files.read(APOC)
    if file is None:
        return ()
    found = tokens(file.text)
    rows = []
    for at in calls(found, "register"):
        given = arguments(found, at)
        if len(given) < 4:
            continue
        name, category, description = (joined_string(given[i]) for i in (0, 1, 3))
        if name is None or not name.startswith("apoc."):
            continue
        examples = [t.text for t in given[4] if t.kind == "string"] if len(given) > 4 else []
        rows.append(
            Registration(
                name,
                category or "",
                description or "",
                examples[0] if examples else "",
                line_of(file.text, found[at].start),
            )
        )
    return tuple(rows)


def read_procedures(files: Files) -> tuple[str, ...]:
    """Names that the dispatcher of CALL looks for, in capitals as it writes them."""
    file = files.read(CALLS)
    return tuple(dict.fromkeys(_dispatched(file))) if file else ()


def _dispatched(file: SourceFile) -> Iterator[str]:
    found = tokens(file.text)
    for at in calls(found, "strings.Contains"):
        given = arguments(found, at)
        name = joined_string(given[1]) if len(given) == 2 else None
        if name and [t.text for t in given[0]] == ["upper"] and re.fullmatch(r"[A-Z0-9_.]+", name):
            yield name


def read_shown(files: Files) -> tuple[tuple[Documented, ...], tuple[Documented, ...]]:
    """The procedures and the functions that SHOW lists."""
    file = files.read(SHOW)
    procedures: list[Documented] = []
    functions: list[Documented] = []
    if file is not None:
        found = tokens(file.text)
        for at, token in enumerate(found):
            if token.text != "{" or token.kind != "mark":
                continue
            texts = [joined_string(part) for part in arguments(found, at)]
            if len(texts) >= 4 and texts[0] and texts[1] and " :: " in texts[1]:
                # A procedure's row has its mode as a fourth text.
                row = Documented(texts[0], texts[1], texts[2] or "")
                (procedures if texts[3] else functions).append(row)
    return tuple(procedures), tuple(functions)


def read_functions(files: Files) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names that the function evaluator matches, and those that its table registers."""
    matched: dict[str, None] = {}
    registered: dict[str, None] = {}
    for file in files.walk(".go"):
        inside = file.path.removeprefix(FUNCTIONS)
        if inside == file.path or file.path.endswith("_test.go"):
            continue
        if not inside.startswith(("functions", "fn/")):
            continue
        found = tokens(file.text)
        for name, position, names in (
            ("matchFuncStart", 1, matched),
            ("matchFuncStartAndSuffix", 1, matched),
            ("Register", 0, registered),
        ):
            for at in calls(found, name):
                given = arguments(found, at)
                text = joined_string(given[position]) if len(given) > position else None
                if text:
                    names.setdefault(text.rstrip("("))
    return tuple(matched), tuple(registered)


def read_patterns(files: Files) -> Mapping[str, str]:
    """The regular expressions of CREATE INDEX and CREATE CONSTRAINT, by variable."""
    file = files.read(PATTERNS)
    if file is None:
        return {}
    found = tokens(file.text)
    patterns = {}
    for at in calls(found, "regexp.MustCompile"):
        text = joined_string(next(iter(arguments(found, at)), ()))
        if text and re.search(r"CREATE\\s\+(?:\w+\\s\+)?(?:INDEX|CONSTRAINT)", text):
            # name = regexp . MustCompile ( : the name is five tokens before the parenthesis
            patterns[found[at - 5].text] = text
    return patterns


_KINDS = {
    "getEnv": "text",
    "getEnvBool": "bool",
    "getEnvInt": "int",
    "getEnvFloat": "float",
    "getEnvDuration": "duration",
    "getEnvStringSlice": "list",
}


def read_settings(files: Files) -> tuple[Setting, ...]:
    """Environment variables that the configuration reads, in the order of their first reading."""
    file = files.read(CONFIG)
    if file is None:
        return ()
    found = tokens(file.text)
    settings: dict[str, Setting] = {}
    for reader, kind in _KINDS.items():
        for at in calls(found, reader):
            name = joined_string(next(iter(arguments(found, at)), ()))
            if not name or not name.startswith("NORNICDB_"):
                continue
            truth = kind == "text" and _compared_with_true(found, closing(found, at))
            line = line_of(file.text, found[at].start)
            known = settings.get(name)
            if known is None or known.kind == "text":
                settings[name] = Setting(
                    name, "bool" if truth else kind, known.line if known else line
                )
    return tuple(sorted(settings.values(), key=lambda s: (s.line, s.env)))


def _compared_with_true(found: Sequence[Token], at: int) -> bool:
    after = [t.text for t in found[at + 1 : at + 4]]
    return after[:2] == ["=", "="] and after[2:] in (["true"], ["false"])


def read_yaml_keys(files: Files) -> tuple[str, ...]:
    """Keys of the configuration file's structure, as `yaml` tags of the source name them."""
    file = files.read(CONFIG)
    if file is None:
        return ()
    tags = (t.text for t in tokens(file.text) if t.kind == "string" and t.text.startswith('yaml:"'))
    return tuple(tag[6:].split('"')[0].split(",")[0] for tag in tags)


def read_fences(files: Files) -> tuple[Snippet, ...]:
    """Every block of Cypher in the documentation: path, line of its first line, text."""
    found = []
    for file in files.walk(".md"):
        fence: re.Match[str] | None = None
        for match in _FENCE.finditer(file.text):
            if fence is None:
                fence = match
            elif match["mark"].startswith(fence["mark"]) and not match["word"]:
                if fence["word"].lower() == "cypher":
                    start = fence.end() + 1
                    text = file.text[start : match.start()].strip()
                    if text:
                        found.append(Snippet(text, file.path, line_of(file.text, start)))
                fence = None
    return tuple(found)


def read_test_queries(files: Files) -> tuple[Snippet, ...]:
    """String literals of the test suite that begin with a clause."""
    found = []
    for file in files.walk("_test.go"):
        for token in tokens(file.text):
            if token.kind == "string" and _CLAUSE.match(token.text.lstrip()):
                found.append(
                    Snippet(token.text.strip(), file.path, line_of(file.text, token.start))
                )
    return tuple(found)


def is_template(query: str) -> bool:
    """Whether a literal is a format string, so that it is not a query yet."""
    return _VERB.search(query) is not None
