"""Symptoms and what is behind them, from the facts file: one family per kind of trouble."""

from __future__ import annotations

import random
from collections.abc import Sequence

from heimdall_repo_nornicdb.facts import Fact
from heimdall_repo_nornicdb.rows.families import Family
from heimdall_repo_nornicdb.rows.prose import diagnosis

_FRAMES = (
    "What is wrong here, and what do I do?",
    "Diagnose this and say what to do.",
    "NornicDB gives me this. How do I fix it?",
    "Explain this and tell me the remedy.",
    "Why does this happen on NornicDB?",
    "I am stuck with this. What is the cause?",
    "Help me with this problem.",
    "What does this mean, and how do I get rid of it?",
    "Cause and remedy, please.",
    "troubleshoot",
)
_BY_AREA = {
    "connection": ("My client cannot connect. What is wrong?", "Why is there no connection?"),
    "authentication": ("Login trouble. What is behind it?", "Why am I refused?"),
    "query": (
        "My query is refused. Why?",
        "Mend this and say why it failed.",
    ),
    "results": ("The result is not what I expect. Why?", "Why is this result wrong on NornicDB?"),
    "search": ("My search does not work. Why?", "What is wrong with this search?"),
    "transactions": (
        "A transaction fails. What is the cause?",
        "Why does the transaction fail?",
    ),
    "databases": ("A database command fails. Why?", "What is the matter with this database?"),
    "performance": ("This is slow. Why, and what helps?", "How do I make this faster?"),
    "memory": ("The memory runs out. Why, and what helps?", "How do I need less memory here?"),
    "configuration": (
        "A setting has no effect. Why?",
        "What is wrong with this configuration?",
    ),
    "storage": ("A message about storage. Is my data safe?", "What happened to the data?"),
    "heimdall": (
        "The assistant fails here. Why?",
        "What is wrong with Heimdall here?",
    ),
    "plugins": ("A plugin or procedure gives trouble. Why?", "Why does this extension fail?"),
}

#: Kinds of trouble; each is a category `troubleshooting_<area>`.
AREAS = tuple(_BY_AREA)


def families(known: Sequence[Fact]) -> tuple[Family, ...]:
    """One family per area that has facts, weighted by how many it has."""
    made = []
    for area in AREAS:
        of_area = [fact for fact in known if fact.area == area]
        if of_area:
            made.append(
                Family(
                    f"diagnose_{area}",
                    f"troubleshooting_{area}",
                    diagnosis(of_area, _frame),
                    len(of_area) / 10,
                )
            )
    return tuple(made)


def _frame(fact: Fact, rng: random.Random) -> str:
    return rng.choice(_BY_AREA[fact.area] if rng.random() < 0.35 else _FRAMES)
