"""GBNF grammars: what is drawn under them parses, what should be allowed is, in llama.cpp too.

A small reader of GBNF draws texts from a grammar; matching is llama.cpp's own, over a vocabulary of
single bytes that is made here.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from heimdall_core.errors import HeimdallError
from heimdall_core.types import CheckRequest
from heimdall_lang_cypher.checker import check
from heimdall_lang_cypher.grammar import VARIANTS, grammar
from heimdall_lang_cypher.parser import parse
from heimdall_lang_cypher.printer import print_query
from heimdall_lang_cypher.syntax_errors import CypherSyntaxError
from heimdall_lang_cypher.tokens import KEYWORDS

SHARED = (
    Path(os.environ.get("HEIMDALL_SHARED", Path(__file__).parents[3].parent / "shared")) / "data"
)

SCHEMA = {
    "name": "films",
    "nodes": {
        "Person": {"properties": {"name": "STRING", "born": "INTEGER"}},
        "Odd Film": {"properties": {"title": "STRING"}},
        "Tag": {"properties": {}},
    },
    "relationships": [
        {"type": "ACTED_IN", "from": "Person", "to": "Odd Film", "properties": {"role": "STRING"}},
        {"type": "HAS", "from": "Odd Film", "to": "Tag"},
    ],
}

# --- drawing texts -------------------------------------------------------------------------------

_TOKEN = re.compile(
    r'\s+|("(?:\\.|[^"\\])*")|(\[(?:\\.|[^\]\\])*\])|([a-z][a-z-]*)|([*+?]|\{\d+,\d*\})|([()|])'
)
_CHARACTER = re.compile(r"\\x[0-9a-fA-F]{2}|\\.|.", re.DOTALL)
_NAMED = {"n": "\n", "r": "\r", "t": "\t"}
_TIMES = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_PRINTABLE = [chr(code) for code in range(32, 127)] + ["é", "漢", "😀"]


def unescaped(text: str) -> list[str]:
    """The characters that the inside of a string or set stands for."""
    characters = []
    for piece in _CHARACTER.findall(text):
        if len(piece) == 4:
            characters.append(chr(int(piece[2:], 16)))
        else:
            characters.append(_NAMED.get(piece[1], piece[1]) if len(piece) == 2 else piece)
    return characters


def members(text: str) -> list[str]:
    """The characters of a set such as `[^a-z\\n]`, as far as they can be printed."""
    inside = text[1:-1]
    negated = inside.startswith("^")
    characters = unescaped(inside[negated:])
    found: set[str] = set()
    while characters:
        one = characters.pop(0)
        if len(characters) > 1 and characters[0] == "-":
            last = characters[1]
            found.update(chr(code) for code in range(ord(one), ord(last) + 1))
            del characters[:2]
        else:
            found.add(one)
    return [each for each in _PRINTABLE if each not in found] if negated else sorted(found)


class Drawer:
    """Draws texts from a grammar, deeper and deeper until the budget is spent."""

    def __init__(self, text: str) -> None:
        self.rules: dict[str, Any] = {}
        for line in text.splitlines():
            name, _, body = line.partition(" ::= ")
            tokens = [match for match in _TOKEN.finditer(body) if match.lastindex]
            assert "".join(match[0] for match in _TOKEN.finditer(body)) == body, line
            self.rules[name] = self._alternatives(iter(tokens))
        self.heights = dict.fromkeys(self.rules, 10_000)
        for _ in self.rules:
            for name, body in self.rules.items():
                self.heights[name] = min(self.heights[name], 1 + self._height(body))

    def _alternatives(self, tokens: Iterator[re.Match[str]]) -> Any:
        sequences: list[list[Any]] = [[]]
        for token in tokens:
            literal, characters, name, times, sign = token.groups()
            if literal:
                sequences[-1].append(("text", "".join(unescaped(literal[1:-1]))))
            elif characters:
                sequences[-1].append(("set", members(characters)))
            elif name:
                sequences[-1].append(("rule", name))
            elif times:
                bounds = _TIMES.get(times) or tuple(
                    int(bound) if bound else None for bound in times[1:-1].split(",")
                )
                sequences[-1][-1] = ("times", sequences[-1][-1], *bounds)
            elif sign == "|":
                sequences.append([])
            elif sign == "(":
                sequences[-1].append(self._alternatives(tokens))
            else:
                break
        return ("any", [("all", sequence) for sequence in sequences])

    def _height(self, node: Any) -> int:
        match node[0]:
            case "rule":
                return self.heights[node[1]]
            case "all":
                return max(map(self._height, node[1]), default=0)
            case "any":
                return min(map(self._height, node[1]))
            case "times":
                return self._height(node[1]) if node[2] else 0
        return 0

    def draw(self, random: Random, budget: int) -> str:
        pieces: list[str] = []
        self._draw(("rule", "root"), random, budget, pieces)
        return "".join(pieces)

    def _draw(self, node: Any, random: Random, budget: int, pieces: list[str]) -> None:
        match node[0]:
            case "text":
                pieces.append(node[1])
            case "set":
                pieces.append(random.choice(node[1]))
            case "rule":
                self._draw(self.rules[node[1]], random, budget - 1, pieces)
            case "all":
                for part in node[1]:
                    self._draw(part, random, budget, pieces)
            case "any":
                low = [part for part in node[1] if self._height(part) <= budget]
                part = random.choice(low or [min(node[1], key=self._height)])
                self._draw(part, random, budget, pieces)
            case "times":
                _, part, count, most = node
                while (
                    (most is None or count < most)
                    and self._height(part) <= budget
                    and random.random() < 0.35
                ):
                    count += 1
                for _ in range(count):
                    self._draw(part, random, budget, pieces)


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_is_drawn_parses(variant: str) -> None:
    drawer = Drawer(grammar(variant, SCHEMA))
    random = Random(11)
    refused = []
    for number in range(1000):
        query = drawer.draw(random, 9 + number % 7)
        try:
            parse(query)
        except CypherSyntaxError as error:
            refused.append((query, str(error)))
    assert not refused


def test_a_schema_grammar_draws_only_names_of_the_schema() -> None:
    drawer = Drawer(grammar("schema", SCHEMA))
    random = Random(12)
    request = CheckRequest("neo4j5", SCHEMA, performance=False)
    names = {"UnknownLabel", "UnknownRelationshipType"}
    for number in range(300):
        query = drawer.draw(random, 9 + number % 6)
        findings = check(query, request)
        assert not names & {finding.code for finding in findings}, query


def test_variants_and_errors() -> None:
    with pytest.raises(HeimdallError, match="did you mean 'schema'"):
        grammar("shema", SCHEMA)
    with pytest.raises(HeimdallError, match="needs a graph schema"):
        grammar("schema")
    with pytest.raises(HeimdallError, match="names no labels"):
        grammar("schema", {"relationships": []})


def test_every_rule_is_reached_and_defined() -> None:
    for variant in VARIANTS:
        text = grammar(variant, SCHEMA)
        rules = Drawer(text).rules
        used = {"root"} | {
            match[3]
            for line in text.splitlines()
            for match in _TOKEN.finditer(line.partition(" ::= ")[2])
            if match[3]
        }
        assert used == set(rules)


# --- llama.cpp -----------------------------------------------------------------------------------


def byte_letters() -> list[str]:
    """How byte-level tokenizers write each byte as a letter."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters, extra = [], 256
    for byte in range(256):
        if byte in plain:
            letters.append(chr(byte))
        else:
            letters.append(chr(extra))
            extra += 1
    return letters


class Matcher:
    """llama.cpp's grammar sampler over single bytes."""

    def __init__(self, llama: Any, vocabulary: Any, text: str) -> None:
        self._llama = llama
        self._sampler = llama.llama_sampler_init_grammar(vocabulary, text.encode(), b"root")
        assert self._sampler, "llama.cpp does not load the grammar"
        self._data = (llama.llama_token_data * 1)()

    def _allows(self, token: int) -> bool:
        self._data[0].id, self._data[0].logit, self._data[0].p = token, 1.0, 0.0
        array = self._llama.llama_token_data_array(
            data=self._data, size=1, selected=-1, sorted=False
        )
        self._llama.llama_sampler_apply(self._sampler, ctypes.byref(array))
        return bool(self._data[0].logit > -1e30)

    def refused_at(self, text: str) -> int | None:
        """The offset of the first byte that is refused, None where the whole text is allowed."""
        self._llama.llama_sampler_reset(self._sampler)
        data = text.encode()
        for offset, byte in enumerate(data):
            if not self._allows(byte):
                return offset
            self._llama.llama_sampler_accept(self._sampler, byte)
        return None if self._allows(256) else len(data)

    def sampled(self, seed: int, most: int = 300) -> str | None:
        """A text drawn by llama.cpp with logits by chance, None where it does not end in `most`
        bytes. Logits lean towards the end, and to signs that close. Bytes are ASCII: half of
        another letter may be no letter at all, and the tokens of models are whole."""
        import numpy as np

        chance = np.random.default_rng(seed)
        tokens = np.array([*range(128), 256], dtype=np.int32)
        closes = np.isin(tokens, [*b")]}'\"`", 256])
        table = np.zeros(len(tokens), dtype=[("id", "i4"), ("logit", "f4"), ("p", "f4")])
        data = ctypes.cast(table.ctypes.data, ctypes.POINTER(self._llama.llama_token_data))
        self._llama.llama_sampler_reset(self._sampler)
        written = bytearray()
        while len(written) < most:
            table["id"] = tokens
            table["logit"] = chance.normal(0, 2, len(tokens)) + closes * len(written) / 20
            array = self._llama.llama_token_data_array(
                data=data, size=len(tokens), selected=-1, sorted=False
            )
            self._llama.llama_sampler_apply(self._sampler, ctypes.byref(array))
            token = int(table["id"][table["logit"].argmax()])
            if token == 256:
                return written.decode()
            written.append(token)
            self._llama.llama_sampler_accept(self._sampler, token)
        return None


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Any:
    llama = pytest.importorskip("llama_cpp")
    gguf = pytest.importorskip("gguf")
    path = tmp_path_factory.mktemp("vocabulary") / "bytes.gguf"
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(8)
    writer.add_embedding_length(8)
    writer.add_block_count(1)
    writer.add_feed_forward_length(8)
    writer.add_head_count(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([*byte_letters(), "<end>"])
    writer.add_token_types([1] * 256 + [3])
    writer.add_token_merges(["a b"])
    writer.add_eos_token_id(256)
    writer.add_bos_token_id(256)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    parameters = llama.llama_model_default_params()
    parameters.vocab_only = True
    model = llama.llama_model_load_from_file(str(path).encode(), parameters)
    assert model
    yield llama, llama.llama_model_get_vocab(model)
    llama.llama_model_free(model)


@pytest.fixture(scope="module")
def matchers(vocabulary: Any) -> dict[str, Matcher]:
    return {variant: Matcher(*vocabulary, grammar(variant, SCHEMA)) for variant in VARIANTS}


READING = "MATCH (p:Person {name: 'Ada'})-[:ACTED_IN]->(f:`Odd Film`) RETURN f.title"


@pytest.mark.parametrize(
    ("query", "allowed"),
    [
        (READING, set(VARIANTS)),
        ("MATCH (p:Person) WHERE NOT (p)-[:ACTED_IN]->() RETURN count(*) AS c", set(VARIANTS)),
        ("CREATE (p:Person {name: 'Ada'})", {"any", "data", "schema"}),
        ("MATCH (p:Person) DETACH DELETE p", {"any", "data", "schema"}),
        ("CREATE INDEX i FOR (p:Person) ON (p.name)", {"any"}),
        ("MATCH (p:Persn) RETURN p", {"any", "data", "read"}),
        ("MATCH (p:Person) RETURN p.nam", {"any", "data", "read"}),
        ("MATCH (p:Person)-[:ACTED]->() RETURN p", {"any", "data", "read"}),
        ("MATCH (p:Person {title: 'x'}) RETURN p", {"any", "data", "read"}),
        ("MATCH ()-[r:HAS {role: 'x'}]->() RETURN r", {"any", "data", "read"}),
        ("MATCH (p) RETURN nosuch(p)", {"any"}),
        ("MATCH (p) RETURN size(p, p)", {"any"}),
        ("MATCH (p) RETURN size((p)-->())", set()),
        ("MATCH (p) RETRUN p", set()),
        ("MATCH (p RETURN p", set()),
        ("MATCH (p)", set()),
    ],
)
def test_matching_in_llama_cpp(matchers: dict[str, Matcher], query: str, allowed: set[str]) -> None:
    found = {name for name, matcher in matchers.items() if matcher.refused_at(query) is None}
    assert found == allowed


_PLACES = (
    *("RETURN {}", "RETURN {} AS x", "RETURN {}, 1", "RETURN [{}]", "RETURN {}[0..1]"),
    *("RETURN {}(a)", "RETURN {}()", "RETURN {}(a, b)", "RETURN {}(x IN a, b)", "RETURN {}.f(a)"),
    *("RETURN {}.a", "RETURN {} {{.*}}", "RETURN {}:A", "RETURN 1 LIMIT {}", "RETURN NOT {}"),
    *("RETURN CASE {} WHEN 1 THEN 2 END", "WITH {} RETURN 1", "WITH 1 AS {} RETURN 1"),
    *("MATCH ({}) RETURN 1", "MATCH ({}:A) RETURN 1", "MATCH ()-[{}]-() RETURN 1"),
    *("MATCH {} = () RETURN 1", "MATCH (n) DELETE {}", "MATCH (n) SET {}.a = 1"),
    *("MATCH (:{}) RETURN 1", "MATCH ()-[:{}]-() RETURN 1", "RETURN n.{}", "RETURN {{{}: 1}}"),
)


def test_words_of_the_language_are_no_names_where_the_parser_reads_something_else(
    matchers: dict[str, Matcher],
) -> None:
    wrong, right = [], 0
    for word in sorted(KEYWORDS):
        for place in _PLACES:
            query = place.format(word.lower())
            try:
                parse(query)
            except CypherSyntaxError:
                wrong.append(query)
            else:
                right += word == "COUNT" and matchers["any"].refused_at(query) is None
    assert len(wrong) > 200
    assert right > len(_PLACES) / 2
    for variant in ("any", "data"):
        allowed = [query for query in wrong if matchers[variant].refused_at(query) is None]
        assert not allowed


def test_what_is_drawn_is_allowed(matchers: dict[str, Matcher]) -> None:
    """The reader of GBNF above and llama.cpp's mean the same by a grammar."""
    for variant, matcher in matchers.items():
        drawer = Drawer(grammar(variant, SCHEMA))
        for seed in range(5):
            query = drawer.draw(Random(seed), 10)
            assert matcher.refused_at(query) is None, query


def _covered(limit: int) -> Iterator[str]:
    """Valid queries of the openCypher TCK, as the printer writes them."""
    path = SHARED / "tck" / "cases.jsonl"
    if not path.exists():
        pytest.skip("the TCK is not here")
    cases = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    valid = [case["query"] for case in cases if case["expect"] == "valid"]
    for query in valid[:: max(1, len(valid) // limit)]:
        if len(query) < 1000:
            yield print_query(parse(query))


def test_valid_queries_are_allowed(matchers: dict[str, Matcher]) -> None:
    refused = [query for query in _covered(120) if matchers["any"].refused_at(query) is not None]
    assert not refused


@pytest.mark.slow
def test_all_valid_queries_are_allowed(matchers: dict[str, Matcher]) -> None:
    refused = [query for query in _covered(10_000) if matchers["any"].refused_at(query) is not None]
    assert not refused


def _sampled(matcher: Matcher, wanted: int) -> list[str]:
    """Distinct texts that llama.cpp draws under a grammar."""
    found: dict[str, None] = {}
    for seed in range(wanted * 20):
        text = matcher.sampled(seed)
        if text is not None:
            found[text] = None
        if len(found) == wanted:
            break
    return list(found)


@pytest.mark.parametrize("wanted", [pytest.param(3), pytest.param(250, marks=pytest.mark.slow)])
@pytest.mark.parametrize("variant", VARIANTS)
def test_what_llama_cpp_draws_parses(
    matchers: dict[str, Matcher], variant: str, wanted: int
) -> None:
    texts = _sampled(matchers[variant], wanted)
    assert len(texts) == wanted
    for text in texts:
        parse(text)
