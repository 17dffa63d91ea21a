"""Contract tests for plugin authors: subclass one in three lines and run pytest.

    from heimdall_core.testing import GeneratorContract

    class TestFraud(GeneratorContract):
        plugin = "acme_fraud.plugin"

A contract finds what the plugin registers in its role and checks it: types, determinism,
streaming, what its import weighs and changes, options and how wrong ones are told, the README
card. The built-in plugins run under the same classes.
"""

from heimdall_core.testing.base import PluginContract
from heimdall_core.testing.contracts import (
    EvaluatorContract,
    ExporterContract,
    LanguageContract,
    RuntimeContract,
    TrainerContract,
)
from heimdall_core.testing.generators import GeneratorContract
from heimdall_core.testing.services import ExecutorContract, TeacherContract

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
