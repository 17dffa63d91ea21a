"""A process that looks at queries: reads its set-up and then lists of them, a line of JSON each,
and answers each list with a line. Ends when its input does."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

import attrs

from heimdall_core.errors import HeimdallError
from heimdall_core.types import CheckRequest, Json

_POLITE = 5


def look(query: str, schema: Json | None, dialect: str) -> dict[str, Any]:
    """The first error in a query; of one without, its canonical form and family."""
    from heimdall_lang_cypher.language import check
    from heimdall_lang_cypher.normalise import normalise

    request = CheckRequest(dialect=dialect, schema=schema, performance=False)
    try:
        for finding in check(query, request):
            if finding.severity == "error":
                return {"finding": attrs.asdict(finding)}
        same = normalise(query)
    except HeimdallError as error:
        return {"problem": str(error)}
    except Exception as error:  # noqa: BLE001 - one query must not end the run
        return {"problem": f"{type(error).__name__}: {error}"}
    return {"canonical": same.canonical, "family": same.family}


def main() -> None:
    """Serves until the end of standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asks decides when to stop
    if hasattr(os, "nice"):
        os.nice(_POLITE)  # checks can wait for a moment when asking needs the processor
    source, target = sys.stdin.buffer, sys.stdout.buffer
    setup = json.loads(source.readline())
    sys.path[:] = setup["path"]
    schemas, dialect = setup["schemas"], setup["dialect"]
    for line in source:
        asked = json.loads(line)
        found = [look(query, schemas.get(schema), dialect) for query, schema in asked]
        target.write(json.dumps(found).encode() + b"\n")
        target.flush()


if __name__ == "__main__":
    main()
