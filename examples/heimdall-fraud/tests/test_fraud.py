from acme_fraud.metric import same_but_for_slack
from acme_fraud.rows import FAMILIES, SCHEMA, Options, examples

from heimdall_core import CheckRequest, GenerateContext, Registry


def test_every_answer_is_right_cypher_on_its_schema():
    check = Registry().language("cypher").check
    rows = list(examples(GenerateContext(count=300, seed=1), Options()))
    assert {row.family for row in rows} == {f"fraud:{family}" for family in FAMILIES}
    for row in rows:
        findings = check(row.output, CheckRequest(schema=SCHEMA))
        assert [f for f in findings if f.severity == "error"] == []


def test_slack_is_for_numbers_alone():
    reference = "MATCH (a) WHERE a.x > 100 RETURN a"
    assert same_but_for_slack(reference, "MATCH (a)  WHERE a.x > 100 RETURN a", 0)
    assert same_but_for_slack(reference, "MATCH (a) WHERE a.x > 104 RETURN a", 0.05)
    assert not same_but_for_slack(reference, "MATCH (a) WHERE a.x > 106 RETURN a", 0.05)
    assert not same_but_for_slack(reference, "MATCH (a) WHERE a.y > 100 RETURN a", 1)
    assert not same_but_for_slack(reference, "", 1)
