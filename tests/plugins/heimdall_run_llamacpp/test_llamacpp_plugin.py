"""The plugin's contract, its options and its threads."""

from __future__ import annotations

import pytest

from heimdall_core.testing import RuntimeContract
from heimdall_run_llamacpp.cores import available_cores, default_threads
from heimdall_run_llamacpp.options import LlamaCppOptions


class TestContract(RuntimeContract):
    plugin = "heimdall_run_llamacpp.plugin"


def test_small_models_take_one_thread_and_large_ones_all_cores():
    assert default_threads(4_000_000) == 1
    assert default_threads(500_000_000) == available_cores()


@pytest.mark.parametrize(
    ("quota", "expected"), [("max 100000", None), ("100000 100000", 1), ("20000 100000", 1)]
)
def test_a_containers_quota_counts(tmp_path, quota, expected):
    file = tmp_path / "cpu.max"
    file.write_text(quota, "utf-8")
    everything = available_cores(tmp_path / "missing")
    assert available_cores(file) == (expected or everything)


@pytest.mark.parametrize(
    "wrong", [{"threads": -1}, {"context_size": -1}, {"batch_size": 8}, {"parallel": 0}]
)
def test_options_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        LlamaCppOptions(**wrong)
