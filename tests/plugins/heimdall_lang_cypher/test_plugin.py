"""What the plugin registers, and that registering costs nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from heimdall_core.types import CheckRequest
from heimdall_lang_cypher.dialects import NAMES
from heimdall_lang_cypher.engine import ENGINES
from heimdall_lang_cypher.plugin import DIALECTS, heimdall_commands, heimdall_languages

(LANGUAGE,) = heimdall_languages()


def test_every_part_of_the_language_is_there() -> None:
    query = "match (n:Person {name: 'Ada'}) return n.name"
    assert LANGUAGE.normalise(query).canonical
    assert LANGUAGE.format(query).startswith("MATCH")
    assert LANGUAGE.extract(f"```\n{query}\n```") == query
    assert LANGUAGE.complexity is not None
    assert LANGUAGE.complexity(query).context_size == "small"
    assert LANGUAGE.grammar is not None
    assert LANGUAGE.grammar("read", None).startswith("root ::= ")
    assert LANGUAGE.populate is not None
    assert LANGUAGE.populate({"nodes": {"A": {"properties": {"x": "INTEGER"}}}}, 1)


def test_dialects_and_engines_exist() -> None:
    assert sorted(LANGUAGE.dialects) == sorted(NAMES)
    assert LANGUAGE.engines == ENGINES


def test_the_first_dialect_is_the_default() -> None:
    union = "RETURN 1 AS a UNION RETURN 2 AS a"
    assert LANGUAGE.check(union, CheckRequest()) == LANGUAGE.check(
        union, CheckRequest(dialect=DIALECTS[0])
    )
    assert LANGUAGE.check(union, CheckRequest()) != LANGUAGE.check(
        union, CheckRequest(dialect="neo4j")
    )


def test_an_engine_by_its_name() -> None:
    pytest.importorskip("graphdblite")
    assert LANGUAGE.engine is not None
    with LANGUAGE.engine(LANGUAGE.engines[0]) as engine:
        assert engine.run("RETURN 1 AS x").rows == ((1,),)


def test_the_command_is_a_group() -> None:
    (given,) = heimdall_commands()
    group = given.load()
    assert given.name == group.name == "cypher"
    assert set(group.commands) == {"check", "format", "normalise", "explain-findings"}


def test_importing_the_plugin_imports_nothing_heavy() -> None:
    program = (
        "import sys, heimdall_lang_cypher.plugin;"
        "print(sorted(m for m in sys.modules if m.startswith('heimdall_lang') or m in "
        "('numpy', 'torch', 'rich', 'click', 'graphdblite')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )
    assert done.stdout.strip() == "['heimdall_lang_cypher', 'heimdall_lang_cypher.plugin']"
