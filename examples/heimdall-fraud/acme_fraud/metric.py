"""Exact match that forgives nothing but the distance between two numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from attrs import field, frozen, validators

from heimdall_core import EvaluateContext, Measurement

_NUMBER = re.compile(r"\d+")


@frozen
class Options:
    """What a recipe's [evaluate.options.fraud_match] may set."""

    slack: float = field(default=0.0, validator=validators.ge(0))
    """Share by which a threshold in the answer may miss the reference's."""


def same_but_for_slack(reference: str, answer: str, slack: float) -> bool:
    """Whether the texts are equal, white space aside, with each number within the slack."""
    if _NUMBER.sub("#", " ".join(reference.split())) != _NUMBER.sub("#", " ".join(answer.split())):
        return False
    pairs = zip(_NUMBER.findall(reference), _NUMBER.findall(answer), strict=True)
    return all(abs(int(given) - int(wanted)) <= slack * int(wanted) for wanted, given in pairs)


def measure(context: EvaluateContext, options: Options) -> Sequence[Measurement]:
    """1 or 0 per row, in order."""
    return [
        Measurement(float(same_but_for_slack(row.output, answer.text, options.slack)))
        for row, answer in zip(context.examples, context.completions, strict=True)
    ]
