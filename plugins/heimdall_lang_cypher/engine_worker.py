"""The process that holds one embedded database: `python -m heimdall_lang_cypher.engine_worker
NAME ROWS MEGABYTES`.

It answers each line of JSON on standard input with one line on standard output, and ends when the
input does. A query that crashes the database ends this process alone. Requests are
`{"query", "parameters", "seconds"}`; answers `{"columns", "rows"}` or `{"error", "kind"}`.
"""

from __future__ import annotations

import json
import math
import signal
import sys
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

from heimdall_lang_cypher.engine_backends import BACKENDS, REQUIRES, Backend, Refused


def main(arguments: list[str]) -> None:
    """Serves requests until standard input ends."""
    name, rows, megabytes = arguments
    missing = [package for package in REQUIRES[name] if find_spec(package) is None]
    if missing:
        _write({"missing": missing})
        return
    _limit_memory(int(megabytes))
    try:
        backend = BACKENDS[name]()
    except ImportError as error:
        _write({"missing": [error.name or name]})
        return
    _write({"ready": True})
    for line in sys.stdin:
        request = json.loads(line)
        _alarm(float(request["seconds"]))
        answer = _answer(backend, request["query"], request["parameters"], int(rows))
        _alarm(0)
        _write(answer)


def _answer(backend: Backend, query: str, parameters: dict[str, Any], limit: int) -> dict[str, Any]:
    try:
        rows = backend.run(query, parameters)
    except Refused as error:
        return {"error": str(error), "kind": "compile" if error.compile_time else "runtime"}
    except MemoryError:
        return {"error": "out of memory", "kind": "runtime"}
    except (ValueError, TypeError, OverflowError, LookupError, RuntimeError) as error:
        return {"error": f"{type(error).__name__}: {error}", "kind": "runtime"}
    if len(rows) > limit:
        return {"error": f"{len(rows)} rows, more than {limit}", "kind": "too_many_rows"}
    columns = list(rows[0]) if rows else []
    return {"columns": columns, "rows": [[row.get(name) for name in columns] for row in rows]}


def _alarm(seconds: float) -> None:
    """Lets the system end this process a little after the parent would: a parent that was killed
    must not leave a query running for hours."""
    if hasattr(signal, "alarm"):
        signal.alarm(math.ceil(seconds) + 2 if seconds else 0)


def _limit_memory(megabytes: int) -> None:
    if sys.platform == "win32":
        return
    import resource

    # Refused where a lower limit is already set, which serves the purpose as well.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))


def _write(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
