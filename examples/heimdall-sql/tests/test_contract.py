"""SQL under the contracts that Heimdall's own plugins pass."""

from acme_sql.schemas import plain

from heimdall_core import Completion, EvaluateContext, Example
from heimdall_core.testing import EvaluatorContract, GeneratorContract, LanguageContract


class TestSqlRows(GeneratorContract):
    plugin = "acme_sql.plugin"


class TestSqlLanguage(LanguageContract):
    plugin = "acme_sql.plugin"
    valid = (
        "SELECT name FROM customers WHERE age > 30",
        "SELECT c.name, COUNT(*) FROM customers AS c GROUP BY c.name",
        "UPDATE orders SET amount = 5 WHERE product = 'lamp'",
    )
    invalid = ("SELECT FROM WHERE", "SELEC name FROM t", "", "hello there", "SELECT (1")


class TestSqlMetric(EvaluatorContract):
    plugin = "acme_sql.plugin"
    examples = (
        Example("q", output="SELECT id FROM customers", language="sql", schema="shop"),
        Example("Say hello", output="Hello."),
    )
    answers = ("SELECT id FROM customers ORDER BY id DESC", "")

    def context(self):
        completions = [Completion(text, 3, "stop") for text in self.answers]
        schemas = {"shop": plain("shop")}
        return EvaluateContext(self.examples, completions, None, schemas=schemas)

    def test_another_order_is_the_same_and_no_sql_weighs_nothing(self):
        [evaluator] = self.items()
        first, second = evaluator.measure(self.context(), evaluator.options())
        assert (first.value, first.weight) == (1.0, 1.0)
        assert second.weight == 0.0
