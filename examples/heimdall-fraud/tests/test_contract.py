"""The plugin under the contracts that Heimdall's own plugins pass."""

from heimdall_core.testing import EvaluatorContract, GeneratorContract


class TestFraud(GeneratorContract):
    plugin = "acme_fraud.plugin"


class TestFraudMatch(EvaluatorContract):
    plugin = "acme_fraud.plugin"
