"""Names and numbers that statements carry: index names, databases, dimensions, ids."""

from __future__ import annotations

import random

from heimdall_repo_nornicdb.rows.domains import Domain, Label, domains, pools, snake

DIMENSIONS = (64, 96, 128, 256, 300, 384, 512, 640, 768, 1024, 1536, 2048, 3072)
SIMILARITIES = ("cosine", "euclidean")
COUNTS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25, 30, 40, 50, 75, 100)


def domain(rng: random.Random) -> Domain:
    """A random schema."""
    return rng.choice(domains())


def index_name(rng: random.Random, label: Label, properties: list[str], ending: str) -> str:
    """A name for an index or constraint, as people give them."""
    base, part = snake(label.name), "_".join(snake(p) for p in properties[:2])
    return rng.choice(
        (
            f"{base}_{part}_{ending}",
            f"{base}_{part}",
            f"{ending}_{base}_{part}",
            f"{base}s_by_{part}",
            f"{base}_{ending}",
            f"{rng.choice(pools()['site'])}_{base}_{part}",
            f"{base}_{part}_{ending}{rng.randrange(2, 10)}",
        )
    )


def database(rng: random.Random) -> str:
    """A name for a database."""
    noun, site = rng.choice(pools()["noun"]).lower(), rng.choice(pools()["site"])
    return rng.choice((f"{noun}_{site}", f"{site}_{noun}", f"{noun}{rng.randrange(2, 100)}", noun))


def node_id(rng: random.Random) -> str:
    """An id of a node."""
    if rng.random() < 0.5:
        return f"node-{rng.randrange(1, 100_000)}"
    return f"{snake(rng.choice(pools()['noun']))}-{rng.randrange(1, 5000)}"


def either(rng: random.Random, *texts: str) -> str:
    """One of the texts."""
    return rng.choice(texts)


def listing(names: list[str]) -> str:
    """Names as they are listed in a sentence: `a`, `a and b`, `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
