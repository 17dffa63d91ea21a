"""At size: rows made, checked and deduplicated on several nodes while workers are killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_five_kills_and_a_lost_node_change_no_byte(tmp_path: Path) -> None:
    """With `HEIMDALL_SCALE_ROWS=1000000` at the size that `docs/scale.md` speaks of: three quarters
    of an hour on two cores."""
    pytest.importorskip("ray", reason="ray is not installed (extra `ray`)")
    rows = os.environ.get("HEIMDALL_SCALE_ROWS", "40000")
    command = [sys.executable, str(ROOT / "benchmarks" / "scale.py"), "--rows", rows]
    command += ["--nodes", "3", "--kills", "5", "--every", "3", "--lose-node"]
    done = subprocess.run(
        [*command, "--folder", str(tmp_path / "files")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the same" in done.stdout
    assert "done again" in done.stdout
