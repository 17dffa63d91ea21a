"""Registers the generator 'fraud' and the evaluator 'fraud_match'."""

from collections.abc import Iterator

from acme_fraud import metric
from acme_fraud.rows import SCHEMA, Options, examples
from heimdall_core import Evaluator, Generator, hookimpl

#: The hook versions that this plugin was written for.
heimdall_api = ">=1,<2"


@hookimpl
def heimdall_generators() -> Iterator[Generator]:
    yield Generator(
        name="fraud",
        summary="Questions of fraud desks about accounts, devices and payments",
        categories=("fraud",),
        examples=examples,
        options=Options,
        schemas=lambda options: {"fraud": SCHEMA},
    )


@hookimpl
def heimdall_evaluators() -> Iterator[Evaluator]:
    yield Evaluator(
        name="fraud_match",
        summary="Exact match, with slack for the thresholds",
        measure=metric.measure,
        options=metric.Options,
        target=0.9,
        bounds=(0.0, 1.0),
    )
