from acme_sql.engine import SqliteEngine
from acme_sql.language import check, extract, normalise
from acme_sql.rows import Options, examples
from acme_sql.schemas import DATABASES, plain, populate

from heimdall_core import CheckRequest, GenerateContext


def test_every_answer_is_right_and_runs():
    engines = {}
    for name in DATABASES:
        engines[name] = SqliteEngine()
        engines[name].load(populate(plain(name), 1))
    answers = {}
    for row in examples(GenerateContext(count=1500, seed=3), Options()):
        assert check(row.output, CheckRequest(schema=plain(row.schema))) == []
        assert engines[row.schema].run(row.output).error == ""
        assert answers.setdefault(row.instruction, row.output) == row.output
    assert len(answers) == 1500


def test_names_are_checked_against_the_schema():
    request = CheckRequest(schema=plain("shop"))
    assert check("SELECT nme FROM customers", request)[0].code == "UnknownColumn"
    assert check("SELECT name FROM custmers", request)[0].code == "UnknownTable"
    assert check("UPDATE customers SET nme = 1", request)[0].code == "UnknownColumn"


def test_syntax_errors_have_a_place():
    [finding] = check("SELECT name\nFROM customers WHERE (age > 3", CheckRequest())
    assert finding.code == "Syntax"
    assert finding.line == 2


def test_canonical_form():
    same = normalise("select C.name from customers as C where C.age > 3 and C.city = 'Rome'")
    assert same == normalise(
        "SELECT x.name FROM customers AS x WHERE x.city = 'Rome' AND x.age > 3"
    )
    assert same.canonical != normalise("SELECT name FROM customers WHERE age > 4").canonical
    assert (
        normalise("SELECT a FROM t WHERE b > 1").family
        == normalise("SELECT c FROM u WHERE d > 2").family
    )


def test_a_query_cannot_change_what_the_next_one_sees():
    with SqliteEngine() as engine:
        engine.load(populate(plain("shop"), 1))
        assert engine.run("DELETE FROM customers").error == ""
        assert engine.run("SELECT COUNT(*) FROM customers").rows == ((60,),)


def test_an_endless_query_ends():
    with SqliteEngine(seconds=0.2) as engine:
        endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT * FROM n"
        assert engine.run(endless).error_kind in ("timeout", "too_many_rows")
        counted = endless.replace("SELECT * FROM n", "SELECT COUNT(*) FROM n")
        assert engine.run(counted).error_kind == "timeout"


def test_extract():
    assert extract("Sure:\n```sql\nSELECT 1\n```") == "SELECT 1"
    assert extract("I cannot.") == ""
