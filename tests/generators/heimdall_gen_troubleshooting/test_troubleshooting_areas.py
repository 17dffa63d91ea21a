"""The areas that plugins are listed with are those of the facts."""

from __future__ import annotations

from heimdall_gen_troubleshooting import options
from heimdall_gen_troubleshooting.families import facts


def test_the_listed_areas_are_the_facts() -> None:
    assert options.AREAS == facts.AREAS
