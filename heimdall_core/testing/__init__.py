"""Contract tests for plugin authors: subclass one in three lines and run pytest.

    from heimdall_core.testing import GeneratorContract

    class TestFraud(GeneratorContract):
        plugin = "acme_fraud.plugin"

A contract finds what the plugin registers in its role and checks it: types, determinism,
streaming, what its import weighs and changes, options and how wrong ones are told, the README
card. The built-in plugins run under the same classes.
"""

import pytest

# Without this a failed contract in an author's tests says `AssertionError` and nothing else: pytest
# rewrites the asserts of test files alone.
pytest.register_assert_rewrite(
    *(f"{__name__}.{part}" for part in ("base", "contracts", "generators", "services"))
)

from heimdall_core.testing.base import PluginContract  # noqa: E402 - after its asserts are registered
from heimdall_core.testing.contracts import (  # noqa: E402 - after its asserts are registered
    EvaluatorContract,
    ExporterContract,
    LanguageContract,
    RuntimeContract,
    TrainerContract,
)
from heimdall_core.testing.generators import GeneratorContract  # noqa: E402 - after its asserts are registered
from heimdall_core.testing.services import (  # noqa: E402 - after its asserts are registered
    ExecutorContract,
    TeacherContract,
)

__all__ = [
    "EvaluatorContract",
    "ExecutorContract",
    "ExporterContract",
    "GeneratorContract",
    "LanguageContract",
    "PluginContract",
    "RuntimeContract",
    "TeacherContract",
    "TrainerContract",
]
