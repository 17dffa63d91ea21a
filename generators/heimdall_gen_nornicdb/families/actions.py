"""Questions to the assistant inside the server, under the system message that the server sends.

With the Watcher plugin an answer is an action; without it there are two actions only, and what
neither does is answered in words that do not begin with a brace.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from heimdall_repo_nornicdb.checkout.prompts import PromptSource
from heimdall_repo_nornicdb.rows.domains import Domain, literal, phrase, pools, value
from heimdall_repo_nornicdb.rows.families import Draft, Family
from heimdall_repo_nornicdb.rows.names import domain, either
from heimdall_repo_nornicdb.rows.queries import sample
from heimdall_repo_nornicdb.serving import (
    Related,
    Result,
    action_json,
    knowledge_block,
    looks_up,
    system_message,
    tail,
)

CATEGORY = "nornicdb_actions"
#: What an answer in words rests on where no action fits.
FACT_WITHOUT = "nornicdb:heimdall-actions-core"

#: Ways to ask for actions without parameters. One sentence asks for one action only.
_PLAIN: dict[str, tuple[str, ...]] = {
    "heimdall.watcher.status": (
        "status",
        "what is the status",
        "check the system",
        "get status",
        "health check",
        "status report please",
        "show the current status",
        "system status",
        "how are you doing",
        "give me an overview of the system",
        "report the overall status",
        "how is the server doing",
    ),
    "heimdall.watcher.health": (
        "is the system healthy",
        "run the health action",
        "is everything healthy",
        "healthy or not",
        "tell me whether the subsystem is healthy",
        "any health problems",
    ),
    "heimdall.watcher.config": (
        "show the configuration",
        "what is the current configuration",
        "config",
        "show the SLM settings",
        "which model settings are active",
        "show me your configuration",
        "what temperature do you run with",
        "current model configuration",
    ),
    "heimdall.watcher.metrics": (
        "show me metrics",
        "metrics",
        "runtime metrics",
        "how much memory is used",
        "how many goroutines are running",
        "garbage collection numbers",
        "memory usage please",
        "show memory and goroutines",
        "detailed metrics",
    ),
    "heimdall.watcher.events": (
        "recent events",
        "what happened recently",
        "show the event log",
        "list recent system events",
        "show the latest events",
        "any events lately",
        "what has happened in the system lately",
    ),
    "heimdall.watcher.db_stats": (
        "database stats",
        "how many nodes are there",
        "how many nodes",
        "how many relationships",
        "show node labels",
        "database statistics",
        "show database info",
        "what is the database status",
        "how many k-means clusters",
        "show clustering stats",
        "how many embeddings",
        "what features are enabled",
        "show feature flags",
        "how large is the graph",
        "count everything in the database",
        "number of nodes and relationships",
        "is clustering enabled",
        "statistics of the database, please",
    ),
    "heimdall.watcher.hello": (
        "say hello",
        "hello world",
        "run a test action",
        "test whether actions work",
        "hello",
        "run the hello action",
    ),
    "heimdall.help": (
        "what can you do",
        "list all actions",
        "which actions are available",
        "help",
        "show available actions",
        "what are you able to do",
        "list everything you can do",
    ),
}
_POLITE = (
    "{}",
    "{}",
    "{}?",
    "please {}",
    "{} please",
    "can you tell me: {}",
    "{}, quickly",
    "hey, {}",
    "{} now",
    "I need this: {}",
    "{} thanks",
    "could you: {}",
    "quick question: {}",
    "{}, if you can",
)


def _plain(rng: random.Random) -> tuple[str, str, str]:
    name = rng.choice(list(_PLAIN))
    said = rng.choice(_PLAIN[name])
    asked = rng.choice(_POLITE).format(said)
    if rng.random() < 0.3:
        asked = asked[0].upper() + asked[1:]
    return asked, action_json(name), said


def _query(rng: random.Random) -> tuple[str, str, str]:
    of = domain(rng)
    found = sample(of, rng)
    asked = either(
        rng,
        f"Show me {found.ask}.",
        f"What is {found.ask}?" if found.ask.startswith("the number") else f"Give me {found.ask}.",
        f"I want to see {found.ask}.",
        f"find {found.ask}",
        f"query: {found.ask}",
        f"Run a query for {found.ask}.",
    )
    return asked, action_json("heimdall.watcher.query", {"cypher": found.cypher}), of.name


def _parameters(rng: random.Random) -> tuple[str, str, str]:
    of = domain(rng)
    label = rng.choice(of.labels)
    v, key = label.variable, label.key.name
    given = value(label.key, rng)
    shown = rng.choice([p.name for p in label.plain if p.name != key])
    asked = either(
        rng,
        f"With the parameter {key} = {literal(given)}, show {shown} of the {label.name} whose "
        f"{key} is "
        "the parameter.",
        f"Query with a parameter: {shown} of the {label.name} with {key} = ${key}, where {key} is "
        f"{literal(given)}.",
    )
    cypher = f"MATCH ({v}:{label.name} {{{key}: ${key}}}) RETURN {v}.{shown}"
    params = {"cypher": cypher, "params": {key: given}}
    return asked, action_json("heimdall.watcher.query", params), of.name


def _catalogue_query(rng: random.Random) -> tuple[str, str, str]:
    asked, cypher = rng.choice(
        (
            ("what labels exist", "CALL db.labels() YIELD label RETURN label"),
            (
                "show relationship types",
                "CALL db.relationshipTypes() YIELD relationshipType RETURN relationshipType",
            ),
            (
                "which property keys are there",
                "CALL db.propertyKeys() YIELD propertyKey RETURN propertyKey",
            ),
            (
                "list the indexes",
                "CALL db.indexes() YIELD name, type, state RETURN name, type, state",
            ),
            (
                "list the constraints",
                "CALL db.constraints() YIELD name, type RETURN name, type",
            ),
            ("show me some nodes", "MATCH (n) RETURN n LIMIT 10"),
            (
                "which version of NornicDB is this",
                "CALL nornicdb.version() YIELD version RETURN version",
            ),
        )
    )
    return (
        rng.choice(_POLITE).format(asked),
        action_json("heimdall.watcher.query", {"cypher": cypher}),
        asked,
    )


def _discover(rng: random.Random) -> tuple[str, str, str]:
    of = domain(rng)
    text = phrase(rng)
    params: dict[str, object] = {"query": text}
    kind = rng.randrange(4)
    if kind == 0:
        asked = either(
            rng,
            f"search for {text}",
            f"find information about {text}",
            f"what do we know about {text}",
            f"tell me about {text}",
            f"Is there anything about {text} in the graph?",
            f"look up {text}",
            f"discover {text}",
        )
    elif kind == 1:
        label = rng.choice(of.labels).name
        params["types"] = [label]
        asked = either(
            rng,
            f"search {label} nodes for {text}",
            f"find {text} among the {label} nodes, by meaning",
        )
    elif kind == 2:
        params["limit"] = rng.choice((1, 2, 3, 5, 8, 12, 15, 20, 25, 30, 50))
        asked = either(
            rng,
            f"search for {text}, at most {params['limit']} results",
            f"the {params['limit']} best finds about {text}",
        )
    else:
        params["depth"] = rng.choice((1, 3))
        asked = either(
            rng,
            f"search for {text} with neighbours up to depth {params['depth']}",
            f"what do we know about {text}, {params['depth']} steps around each hit",
        )
    return asked, action_json("heimdall.watcher.discover", params), ""


def _speak(rng: random.Random) -> tuple[str, str, str]:
    noun = rng.choice(pools()["noun"]).lower()
    message = rng.choice(
        (
            f"The {noun} import starts at {rng.randrange(0, 24):02}:00",
            f"Backup of {noun} is done",
            f"{noun.capitalize()} goes offline in {rng.randrange(2, 60)} minutes",
            f"Please save your work on {noun}",
            f"New {noun} data has arrived",
        )
    )
    if rng.random() < 0.45:
        asked = either(
            rng,
            f"broadcast: {message}",
            f"Tell all clients '{message}'.",
            f"Send '{message}' to everybody who is connected.",
        )
        return asked, action_json("heimdall.watcher.broadcast", {"message": message}), ""
    kind, title = rng.choice(("info", "warning", "error", "success")), noun.capitalize()
    asked = either(
        rng,
        f"Send {'an' if kind[0] in 'ie' else 'a'} {kind} notification titled {title}: {message}.",
        f"notify, type {kind}, title {title}: {message}.",
    )
    params = {"type": kind, "title": title, "message": message}
    return asked, action_json("heimdall.watcher.notify", params), ""


def _temperature(rng: random.Random) -> tuple[str, str, str]:
    number = rng.randrange(1, 40) / 20
    asked = either(
        rng,
        f"set the temperature to {number}",
        f"Change your temperature to {number}.",
        f"Use a sampling temperature of {number} from now on.",
    )
    return asked, action_json("heimdall.watcher.set_config", {"temperature": number}), ""


def _greet(rng: random.Random) -> tuple[str, str, str]:
    name = rng.choice(pools()["first"])
    asked = either(rng, f"say hello to {name}", f"Greet {name}.", f"hello action for {name}")
    return asked, action_json("heimdall.watcher.hello", {"name": name}), ""


_WITH_WATCHER: Sequence[tuple[float, Callable[[random.Random], tuple[str, str, str]]]] = (
    (2.0, _plain),
    (4.0, _query),
    (0.7, _parameters),
    (0.5, _catalogue_query),
    (2.0, _discover),
    (0.8, _speak),
    (0.3, _temperature),
    (0.2, _greet),
)


def _knowledge(source: PromptSource, message: str, rng: random.Random) -> str:
    """What the Watcher would have found: random nodes, since no graph is at hand."""
    if not looks_up(message):
        return ""
    of = domain(rng)
    results = []
    for _ in range(rng.randrange(1, 6)):
        label = rng.choice(of.labels)
        shown = {
            p.name: value(p, rng) for p in label.properties if p.kind not in ("date", "vector")
        }
        related = tuple(_related(of, rng) for _ in range(rng.choice((0, 1, 2, 3, 4))))
        results.append(Result(label.name, str(shown[label.key.name]), phrase(rng), shown, related))
    return knowledge_block(source, results)


def _related(of: Domain, rng: random.Random) -> Related:
    edge = rng.choice(of.edges)
    outgoing = rng.random() < 0.5
    other = edge.end if outgoing else edge.start
    return Related(other.name, str(value(other.key, rng)), edge.type, outgoing)


def families(
    source: PromptSource, *, knowledge: float, tails: float, weight: float
) -> tuple[Family, ...]:
    """Families of action rows under a system message; `knowledge` and `tails` are shares of rows
    with a knowledge block and of rows that show the message's end alone."""

    def system(message: str, rng: random.Random, *, watcher: bool) -> str:
        found = _knowledge(source, message, rng) if watcher and rng.random() < knowledge else ""
        text = system_message(source, rng, watcher=watcher, knowledge=found)
        return tail(text, rng.randrange(600, 2400)) if rng.random() < tails else text

    def with_watcher(rng: random.Random) -> Draft:
        weights = [share for share, _ in _WITH_WATCHER]
        [(_, make)] = rng.choices(_WITH_WATCHER, weights)
        asked, answer, about = make(rng)
        schema = about if about.startswith("nornic_") else ""
        return Draft(
            asked,
            answer,
            schema,
            system=system(asked, rng, watcher=True),
            language="",
            meta={"watcher": True},
        )

    def without_watcher(rng: random.Random) -> Draft:
        kind = rng.randrange(3)
        meta = {"watcher": False}
        if kind == 0:
            said = rng.choice(_PLAIN["heimdall.help"])
            answer = action_json("heimdall.help")
        elif kind == 1:
            said = rng.choice(_PLAIN["heimdall.watcher.status"])
            answer = action_json("heimdall.status")
        else:
            of = domain(rng)
            found = sample(of, rng)
            said = f"show me {found.ask}"
            answer = (
                "No loaded action can run a query; there are heimdall.help and "
                "heimdall.status only. "
                f"Send it yourself over Bolt or HTTP:\n{found.cypher}"
            )
            return Draft(
                said,
                answer,
                of.name,
                system=system(said, rng, watcher=False),
                language="",
                fact=FACT_WITHOUT,
                meta=meta,
            )
        asked = rng.choice(_POLITE).format(said)
        return Draft(
            asked, answer, system=system(asked, rng, watcher=False), language="", meta=meta
        )

    def tokens_limit(rng: random.Random) -> Draft:
        number = rng.randrange(64, 4097)
        asked = either(
            rng, f"set max_tokens to {number}", f"Let your answers have up to {number} tokens."
        )
        answer = (
            "That cannot be done from here: the action refuses every max_tokens that comes "
            "as JSON. "
            f"Set NORNICDB_HEIMDALL_MAX_TOKENS={number} and restart the server."
        )
        return Draft(
            asked,
            answer,
            system=system(asked, rng, watcher=True),
            language="",
            fact="nornicdb:actions-max-tokens",
            meta={"watcher": True},
        )

    return (
        Family("actions_with_watcher", CATEGORY, with_watcher, weight),
        Family("actions_without_watcher", CATEGORY, without_watcher, weight * 0.2),
        Family("actions_max_tokens", CATEGORY, tokens_limit, weight * 0.02),
    )
