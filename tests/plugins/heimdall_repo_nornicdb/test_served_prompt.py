"""The system message as the handler would send it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from nornic_tree import TYPES, write_tree

from heimdall_repo_nornicdb.builtin import builtin_prompt
from heimdall_repo_nornicdb.checkout.files import open_files
from heimdall_repo_nornicdb.checkout.prompts import PromptSource, read_prompts
from heimdall_repo_nornicdb.serving import (
    Related,
    Result,
    action_json,
    knowledge_block,
    looks_up,
    parse_action,
    system_message,
    tail,
)


@pytest.fixture
def source(tmp_path: Path) -> PromptSource:
    found = read_prompts(open_files(write_tree(tmp_path), lambda note: pytest.fail(note)))
    assert found is not None
    return found


def test_without_the_watcher_every_byte_is_the_handlers(source: PromptSource) -> None:
    messages = {system_message(source, random.Random(n), watcher=False) for n in range(20)}
    expected = (
        "You watch the bridge.\nYou answer shortly.\n\nAVAILABLE ACTIONS:\n## system\n{}{}\n\n"
        'CYPHER NOTES:\n  MATCH (n) RETURN n   - every "node"\nEXAMPLES:\nUser: "status"\n'
        '→ {{"action": "heimdall.watcher.status", "params": {{}}}}\n\nUser: "how many"\n'
        '→ {{"action": "heimdall.watcher.db_stats", "params": {{}}}}\n\nJSON only.\n'
    )
    one = "- heimdall.help: Tell what can be done\n"
    two = "- heimdall.status: Tell how it goes\n"
    assert messages == {expected.format(one, two), expected.format(two, one)}


def test_with_the_watcher_categories_come_in_any_order(source: PromptSource) -> None:
    messages = [system_message(source, random.Random(n), watcher=True) for n in range(40)]
    orders = {tuple(line for line in m.splitlines() if line.startswith("## ")) for m in messages}
    assert len(orders) == 6
    assert all("- heimdall.watcher.query: Run a query (params: cypher)\n" in m for m in messages)
    assert all(m.count("User: ") == 3 for m in messages)


def test_knowledge_stands_where_plugins_put_it(source: PromptSource) -> None:
    results = [
        Result(
            "Truck",
            "T 1",
            "a 100% truck",
            {"plate": "T 1", "open": True, "id": "hidden", "long": "é" * 150},
            tuple(Related("Depot", f"D{n}", "PARKED_AT", n % 2 == 0) for n in range(5)),
        )
    ]
    block = knowledge_block(source, results)
    assert block == (
        "\n=== KNOWN ===\nWhat the graph says:\n# 1 [Truck] T 1\nContent: a 100% truck\n"
        "Properties:\n  - plate: T 1\n  - open: true\n  - long: " + "é" * 100 + "...\nRelated:\n"
        "  → [Depot] D0 (PARKED_AT)\n  ← [Depot] D1 (PARKED_AT)\n  → [Depot] D2 (PARKED_AT)\n"
        "  and 2 more\n\n=== END ===\nUse it. Or search on.\n"
    )
    message = system_message(source, random.Random(1), watcher=True, knowledge=block)
    assert f"ADDITIONAL CONTEXT:\n{block}\n\nEXAMPLES:" in message
    assert "ADDITIONAL CONTEXT" not in system_message(source, random.Random(1), watcher=True)


def test_over_the_budget_the_short_form_is_sent(source: PromptSource) -> None:
    message = system_message(source, random.Random(1), watcher=False, max_system_tokens=50)
    assert message.startswith("Short.\nACTIONS:\n## system\n")
    assert message.endswith("JSON only.\n")


def test_the_tail_is_cut_between_characters() -> None:
    assert tail("aé→b", 4) == "→b"
    assert tail("aé→b", 3) == "b"
    assert tail("ab", 10) == "ab"
    assert tail("ab", 0) == ""


@pytest.mark.parametrize(
    ("message", "expected"),
    [("status", False), ("Health of it all", False), ("hi", False), ("find é", True), ("é", False)],
)
def test_when_the_watcher_looks_something_up(message: str, expected: bool) -> None:
    assert looks_up(message) is expected


@pytest.mark.parametrize(
    ("answer", "parsed"),
    [
        ('{"action": "a.b", "params": {"x": 1}}', ("a.b", {"x": 1})),
        ('Sure:\n```json\n{"action": "a.b"}\n```', ("a.b", {})),
        ('{"action": "a.b", "params": {}', None),
        ('{"action": "a"} {"action": "b"}', None),
        ('{"cypher": "RETURN 1"}', None),
        ("RETURN 1", None),
        ('{"action": 3}', None),
    ],
)
def test_answers_are_read_as_the_handler_reads_them(answer: str, parsed: object) -> None:
    assert parse_action(answer) == parsed


def test_what_is_written_is_what_is_read() -> None:
    answer = action_json("heimdall.watcher.query", {"cypher": "RETURN 'é\"'"})
    assert parse_action(answer) == ("heimdall.watcher.query", {"cypher": "RETURN 'é\"'"})
    assert "é" in answer


def test_a_prompt_that_is_built_otherwise_is_refused(tmp_path: Path) -> None:
    root = write_tree(tmp_path)
    changed = TYPES.replace("buildFullPrompt", "assemble")
    (root / "pkg/heimdall/types.go").write_text(changed, encoding="utf-8")
    notes: list[str] = []
    assert read_prompts(open_files(root, notes.append)) is None
    assert "is not built as known" in notes[0]


def test_the_built_in_message_names_every_action() -> None:
    message = system_message(builtin_prompt(), random.Random(1), watcher=True)
    assert message.count("- heimdall.") == 14
    assert '{"action": NAME' in message
