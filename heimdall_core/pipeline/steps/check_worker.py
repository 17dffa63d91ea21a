"""A process that checks rows: reads its set-up and then chunks of questions, a line of JSON each,
and answers each with a line. Ends when its input does."""

from __future__ import annotations

import json
import sys
from importlib import import_module

import attrs

from heimdall_core.errors import HeimdallError, PluginError


def main() -> None:
    """Serves until the end of standard input."""
    source, target = sys.stdin.buffer, sys.stdout.buffer
    setup = json.loads(source.readline())
    sys.path[:] = setup["path"]
    from heimdall_core.pipeline.steps.checking import Checker, Question

    checks = {}
    for language, reference in setup["references"].items():
        module, _, name = reference.partition(":")
        checks[language] = getattr(import_module(module), name)
    checker = Checker(checks, setup["schemas"])
    for line in source:
        asked = json.loads(line)
        answer: object
        try:
            found = [checker.error(Question(*each)) if each else None for each in asked]
            answer = [each and attrs.asdict(each) for each in found]
        except HeimdallError as error:
            answer = {
                "error": error.message,
                "where": error.where,
                "hint": error.hint,
                "plugin": isinstance(error, PluginError),
            }
        target.write(json.dumps(answer).encode() + b"\n")
        target.flush()


if __name__ == "__main__":
    main()
