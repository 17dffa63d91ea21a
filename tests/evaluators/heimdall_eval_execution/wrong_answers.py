"""A hundred wrong answers, labelled by hand: reference, then (label, answer) pairs.

The label is what a reader would say first is wrong with the answer. Where two things are wrong,
the one further up in the query's meaning counts: who is connected to whom, then what is counted,
then what is kept, then what is shown.
"""

from __future__ import annotations

SCHEMA = {
    "name": "films",
    "nodes": {
        "Person": {"properties": {"name": "STRING", "age": "INTEGER", "city": "STRING"}},
        "Film": {"properties": {"title": "STRING", "year": "INTEGER", "rating": "FLOAT"}},
        "Studio": {"properties": {"name": "STRING", "country": "STRING"}},
    },
    "relationships": [
        {
            "type": "ACTED_IN",
            "from": "Person",
            "to": "Film",
            "properties": {"role": "STRING"},
        },
        {"type": "DIRECTED", "from": "Person", "to": "Film", "properties": {}},
        {
            "type": "KNOWS",
            "from": "Person",
            "to": "Person",
            "properties": {"since": "INTEGER"},
        },
        {"type": "MADE", "from": "Studio", "to": "Film", "properties": {}},
    ],
}

LABELLED: dict[str, list[tuple[str, str]]] = {
    "MATCH (p:Person)-[:ACTED_IN]->(f:Film {title: 'Alien'}) RETURN p.name": [
        (
            "wrong_direction",
            "MATCH (p:Person)<-[:ACTED_IN]-(f:Film {title: 'Alien'}) RETURN p.name",
        ),
        (
            "wrong_direction",
            "MATCH (f:Film {title: 'Alien'})-[:ACTED_IN]->(p:Person) RETURN p.name",
        ),
        ("wrong_filter", "MATCH (p:Person)-[:ACTED_IN]->(f:Film {title: 'Aliens'}) RETURN p.name"),
        ("wrong_filter", "MATCH (p:Person)-[:ACTED_IN]->(f:Film) RETURN p.name"),
        (
            "wrong_filter",
            "MATCH (p:Person)-[:ACTED_IN]->(f:Film) WHERE f.year = 1979 RETURN p.name",
        ),
        (
            "wrong_projection",
            "MATCH (p:Person)-[:ACTED_IN]->(f:Film {title: 'Alien'}) RETURN f.title",
        ),
        ("wrong_projection", "MATCH (p:Person)-[:ACTED_IN]->(f:Film {title: 'Alien'}) RETURN p"),
        (
            "wrong_projection",
            "MATCH (p:Person)-[:ACTED_IN]->(f:Film {title: 'Alien'}) RETURN p.name, p.age",
        ),
        ("wrong_pattern", "MATCH (p:Person)-[:DIRECTED]->(f:Film {title: 'Alien'}) RETURN p.name"),
        ("wrong_pattern", "MATCH (p:Person), (f:Film {title: 'Alien'}) RETURN p.name"),
        ("unknown_name", "MATCH (p:Person)-[:PLAYED_IN]->(f:Film {title: 'Alien'}) RETURN p.name"),
        ("unknown_name", "MATCH (p:Actor)-[:ACTED_IN]->(f:Film {title: 'Alien'}) RETURN p.name"),
        ("unknown_name", "MATCH (p:Person)-[:ACTED_IN]->(f:Film {name: 'Alien'}) RETURN p.name"),
        ("unknown_name", "MATCH (p:Person)-[:ACTED_IN]->(f:Film {title: 'Alien'}) RETURN a.name"),
        ("does_not_parse", "MATCH (p:Person)-[:ACTED_IN]->(f:Film {title: 'Alien') RETURN p.name"),
        ("does_not_parse", "MATCH (p:Person)-[:ACTED_IN]->(f:Film {title: 'Alien'}) RETRUN p.name"),
        ("empty", ""),
        (
            "wrong_aggregation",
            "MATCH (p:Person)-[:ACTED_IN]->(f:Film {title: 'Alien'}) RETURN count(p)",
        ),
        ("writes", "MATCH (p:Person)-[:ACTED_IN]->(f:Film {title: 'Alien'}) DETACH DELETE p"),
    ],
    "MATCH (p:Person) WHERE p.age > 40 RETURN count(p)": [
        ("wrong_filter", "MATCH (p:Person) WHERE p.age < 40 RETURN count(p)"),
        ("wrong_filter", "MATCH (p:Person) WHERE p.age >= 40 RETURN count(p)"),
        ("wrong_filter", "MATCH (p:Person) WHERE p.age > 14 RETURN count(p)"),
        ("wrong_filter", "MATCH (p:Person) RETURN count(p)"),
        ("wrong_filter", "MATCH (p:Person) WHERE p.age > 40 AND p.city = 'Oslo' RETURN count(p)"),
        ("wrong_aggregation", "MATCH (p:Person) WHERE p.age > 40 RETURN p.name"),
        ("wrong_aggregation", "MATCH (p:Person) WHERE p.age > 40 RETURN sum(p.age)"),
        ("wrong_aggregation", "MATCH (p:Person) WHERE p.age > 40 RETURN avg(p.age)"),
        ("wrong_aggregation", "MATCH (p:Person) WHERE p.age > 40 RETURN p.city, count(p)"),
        ("wrong_aggregation", "MATCH (p:Person) WHERE p.age > 40 RETURN count(DISTINCT p.city)"),
        ("wrong_pattern", "MATCH (f:Film) WHERE f.year > 40 RETURN count(f)"),
        ("wrong_pattern", "MATCH (p:Person)-[:KNOWS]->(:Person) WHERE p.age > 40 RETURN count(p)"),
        ("unknown_name", "MATCH (p:Person) WHERE p.years > 40 RETURN count(p)"),
        ("unknown_name", "MATCH (p:Person) WHERE p.age > 40 RETURN total(p)"),
        ("does_not_parse", "MATCH (p:Person) WHERE p.age > RETURN count(p)"),
        ("does_not_parse", "SELECT count(*) FROM Person WHERE age > 40"),
        ("writes", "MATCH (p:Person) WHERE p.age > 40 SET p.age = 41 RETURN count(p)"),
    ],
    "MATCH (a:Person {name: 'Ada'})-[:KNOWS]->(b:Person) RETURN b.name": [
        ("wrong_direction", "MATCH (a:Person {name: 'Ada'})<-[:KNOWS]-(b:Person) RETURN b.name"),
        ("wrong_direction", "MATCH (b:Person)-[:KNOWS]->(a:Person {name: 'Ada'}) RETURN b.name"),
        ("wrong_direction", "MATCH (a:Person {name: 'Ada'})-[:KNOWS]-(b:Person) RETURN b.name"),
        ("wrong_pattern", "MATCH (a:Person {name: 'Ada'})-[:KNOWS*1..2]->(b:Person) RETURN b.name"),
        (
            "wrong_pattern",
            "MATCH (a:Person {name: 'Ada'})-[:KNOWS]->()-[:KNOWS]->(b:Person) RETURN b.name",
        ),
        ("wrong_filter", "MATCH (a:Person {name: 'Ivo'})-[:KNOWS]->(b:Person) RETURN b.name"),
        ("wrong_filter", "MATCH (a:Person)-[:KNOWS]->(b:Person) RETURN b.name"),
        ("wrong_filter", "MATCH (a:Person {city: 'Ada'})-[:KNOWS]->(b:Person) RETURN b.name"),
        ("wrong_projection", "MATCH (a:Person {name: 'Ada'})-[:KNOWS]->(b:Person) RETURN b.age"),
        ("wrong_projection", "MATCH (a:Person {name: 'Ada'})-[:KNOWS]->(b:Person) RETURN a.name"),
        (
            "wrong_projection",
            "MATCH (a:Person {name: 'Ada'})-[:KNOWS]->(b:Person) RETURN DISTINCT b.name",
        ),
        (
            "wrong_aggregation",
            "MATCH (a:Person {name: 'Ada'})-[:KNOWS]->(b:Person) RETURN collect(b.name)",
        ),
        ("unknown_name", "MATCH (a:Person {name: 'Ada'})-[:FRIEND]->(b:Person) RETURN b.name"),
        ("unknown_name", "MATCH (a:Person {name: 'Ada'})-[:KNOWS]->(b:Person) RETURN b.nome"),
        ("does_not_parse", "MATCH (a:Person {name: 'Ada'})-[:KNOWS->(b:Person) RETURN b.name"),
        ("empty", "   \n"),
    ],
    "MATCH (s:Studio)-[:MADE]->(f:Film) RETURN s.name, avg(f.rating) AS rating "
    "ORDER BY rating DESC LIMIT 5": [
        (
            "wrong_order",
            "MATCH (s:Studio)-[:MADE]->(f:Film) RETURN s.name, avg(f.rating) AS rating "
            "ORDER BY rating LIMIT 5",
        ),
        (
            "wrong_order",
            "MATCH (s:Studio)-[:MADE]->(f:Film) RETURN s.name, avg(f.rating) AS rating "
            "ORDER BY rating DESC LIMIT 3",
        ),
        (
            "wrong_order",
            "MATCH (s:Studio)-[:MADE]->(f:Film) RETURN s.name, avg(f.rating) AS rating "
            "ORDER BY rating DESC",
        ),
        (
            "wrong_order",
            "MATCH (s:Studio)-[:MADE]->(f:Film) RETURN s.name, avg(f.rating) AS rating LIMIT 5",
        ),
        (
            "wrong_aggregation",
            "MATCH (s:Studio)-[:MADE]->(f:Film) RETURN s.name, max(f.rating) AS rating "
            "ORDER BY rating DESC LIMIT 5",
        ),
        (
            "wrong_aggregation",
            "MATCH (s:Studio)-[:MADE]->(f:Film) RETURN s.name, avg(f.year) AS rating "
            "ORDER BY rating DESC LIMIT 5",
        ),
        (
            "wrong_aggregation",
            "MATCH (s:Studio)-[:MADE]->(f:Film) RETURN s.country, avg(f.rating) AS rating "
            "ORDER BY rating DESC LIMIT 5",
        ),
        (
            "wrong_aggregation",
            "MATCH (s:Studio)-[:MADE]->(f:Film) RETURN s.name, f.rating AS rating "
            "ORDER BY rating DESC LIMIT 5",
        ),
        (
            "wrong_direction",
            "MATCH (s:Studio)<-[:MADE]-(f:Film) RETURN s.name, avg(f.rating) AS rating "
            "ORDER BY rating DESC LIMIT 5",
        ),
        (
            "wrong_filter",
            "MATCH (s:Studio)-[:MADE]->(f:Film) WHERE f.year > 2000 "
            "RETURN s.name, avg(f.rating) AS rating ORDER BY rating DESC LIMIT 5",
        ),
        (
            "wrong_pattern",
            "MATCH (s:Person)-[:DIRECTED]->(f:Film) RETURN s.name, avg(f.rating) AS rating "
            "ORDER BY rating DESC LIMIT 5",
        ),
        (
            "unknown_name",
            "MATCH (s:Studio)-[:MADE]->(f:Film) RETURN s.title, avg(f.rating) AS rating "
            "ORDER BY rating DESC LIMIT 5",
        ),
        (
            "does_not_parse",
            "MATCH (s:Studio)-[:MADE]->(f:Film) RETURN s.name, avg(f.rating) AS rating "
            "GROUP BY s.name ORDER rating DESC LIMIT 5",
        ),
    ],
    "MATCH (p:Person)-[:DIRECTED]->(f:Film) WITH p, count(f) AS films WHERE films > 2 "
    "RETURN p.name, films": [
        (
            "wrong_filter",
            "MATCH (p:Person)-[:DIRECTED]->(f:Film) WITH p, count(f) AS films WHERE films >= 2 "
            "RETURN p.name, films",
        ),
        (
            "wrong_filter",
            "MATCH (p:Person)-[:DIRECTED]->(f:Film) RETURN p.name, count(f) AS films",
        ),
        (
            "wrong_direction",
            "MATCH (p:Person)<-[:DIRECTED]-(f:Film) WITH p, count(f) AS films WHERE films > 2 "
            "RETURN p.name, films",
        ),
        (
            "wrong_pattern",
            "MATCH (p:Person)-[:ACTED_IN]->(f:Film) WITH p, count(f) AS films WHERE films > 2 "
            "RETURN p.name, films",
        ),
        (
            "wrong_projection",
            "MATCH (p:Person)-[:DIRECTED]->(f:Film) WITH p, count(f) AS films WHERE films > 2 "
            "RETURN p.name",
        ),
        (
            "wrong_aggregation",
            "MATCH (p:Person)-[:DIRECTED]->(f:Film) WITH p, max(f.year) AS films WHERE films > 2 "
            "RETURN p.name, films",
        ),
        (
            "unknown_name",
            "MATCH (p:Person)-[:DIRECTED]->(f:Film) WITH p, count(f) AS films WHERE movies > 2 "
            "RETURN p.name, films",
        ),
        (
            "does_not_parse",
            "MATCH (p:Person)-[:DIRECTED]->(f:Film) HAVING count(f) > 2 RETURN p.name, count(f)",
        ),
    ],
    "MATCH (f:Film) WHERE f.title STARTS WITH 'The' AND f.rating IS NOT NULL "
    "RETURN f.title, f.rating ORDER BY f.title": [
        (
            "wrong_filter",
            "MATCH (f:Film) WHERE f.title ENDS WITH 'The' AND f.rating IS NOT NULL "
            "RETURN f.title, f.rating ORDER BY f.title",
        ),
        (
            "wrong_filter",
            "MATCH (f:Film) WHERE f.title CONTAINS 'The' AND f.rating IS NOT NULL "
            "RETURN f.title, f.rating ORDER BY f.title",
        ),
        (
            "wrong_filter",
            "MATCH (f:Film) WHERE f.title STARTS WITH 'The' AND f.rating IS NULL "
            "RETURN f.title, f.rating ORDER BY f.title",
        ),
        (
            "wrong_filter",
            "MATCH (f:Film) WHERE f.title STARTS WITH 'The' OR f.rating IS NOT NULL "
            "RETURN f.title, f.rating ORDER BY f.title",
        ),
        (
            "wrong_filter",
            "MATCH (f:Film) WHERE f.title STARTS WITH 'The' "
            "RETURN f.title, f.rating ORDER BY f.title",
        ),
        (
            "wrong_projection",
            "MATCH (f:Film) WHERE f.title STARTS WITH 'The' AND f.rating IS NOT NULL "
            "RETURN f.title ORDER BY f.title",
        ),
        (
            "wrong_projection",
            "MATCH (f:Film) WHERE f.title STARTS WITH 'The' AND f.rating IS NOT NULL "
            "RETURN f.title, f.year ORDER BY f.title",
        ),
        (
            "wrong_order",
            "MATCH (f:Film) WHERE f.title STARTS WITH 'The' AND f.rating IS NOT NULL "
            "RETURN f.title, f.rating ORDER BY f.title DESC",
        ),
        (
            "wrong_order",
            "MATCH (f:Film) WHERE f.title STARTS WITH 'The' AND f.rating IS NOT NULL "
            "RETURN f.title, f.rating",
        ),
        (
            "wrong_order",
            "MATCH (f:Film) WHERE f.title STARTS WITH 'The' AND f.rating IS NOT NULL "
            "RETURN f.title, f.rating ORDER BY f.rating",
        ),
        (
            "wrong_pattern",
            "MATCH (s:Studio)-[:MADE]->(f:Film) WHERE f.title STARTS WITH 'The' "
            "AND f.rating IS NOT NULL RETURN f.title, f.rating ORDER BY f.title",
        ),
        (
            "unknown_name",
            "MATCH (m:Movie) WHERE m.title STARTS WITH 'The' AND m.rating IS NOT NULL "
            "RETURN m.title, m.rating ORDER BY m.title",
        ),
    ],
    "MATCH (p:Person) WHERE NOT EXISTS { MATCH (p)-[:ACTED_IN]->(:Film) } RETURN p.name": [
        (
            "wrong_filter",
            "MATCH (p:Person) WHERE EXISTS { MATCH (p)-[:ACTED_IN]->(:Film) } RETURN p.name",
        ),
        (
            "wrong_pattern",
            "MATCH (p:Person) WHERE NOT EXISTS { MATCH (p)-[:DIRECTED]->(:Film) } RETURN p.name",
        ),
        (
            "wrong_direction",
            "MATCH (p:Person) WHERE NOT EXISTS { MATCH (p)<-[:ACTED_IN]-(:Film) } RETURN p.name",
        ),
        ("wrong_pattern", "MATCH (p:Person) RETURN p.name"),
        (
            "wrong_projection",
            "MATCH (p:Person) WHERE NOT EXISTS { MATCH (p)-[:ACTED_IN]->(:Film) } RETURN p.city",
        ),
    ],
    "MATCH (a:Person)-[k:KNOWS]->(b:Person) WHERE k.since < 2000 RETURN a.name, b.name": [
        (
            "wrong_direction",
            "MATCH (a:Person)<-[k:KNOWS]-(b:Person) WHERE k.since < 2000 RETURN a.name, b.name",
        ),
        (
            "wrong_filter",
            "MATCH (a:Person)-[k:KNOWS]->(b:Person) WHERE k.since > 2000 RETURN a.name, b.name",
        ),
        (
            "wrong_filter",
            "MATCH (a:Person)-[k:KNOWS]->(b:Person) WHERE a.age < 2000 RETURN a.name, b.name",
        ),
        (
            "wrong_projection",
            "MATCH (a:Person)-[k:KNOWS]->(b:Person) WHERE k.since < 2000 RETURN a.name, k.since",
        ),
        (
            "wrong_pattern",
            "MATCH (a:Person)-[k:KNOWS]->(b:Person)-[:ACTED_IN]->(:Film) WHERE k.since < 2000 "
            "RETURN a.name, b.name",
        ),
        (
            "unknown_name",
            "MATCH (a:Person)-[k:KNOWS]->(b:Person) WHERE k.year < 2000 RETURN a.name, b.name",
        ),
        ("empty", "I am sorry, I cannot answer that."),
        (
            "writes",
            "MATCH (a:Person)-[k:KNOWS]->(b:Person) WHERE k.since < 2000 DELETE k "
            "RETURN a.name, b.name",
        ),
        (
            "wrong_aggregation",
            "MATCH (a:Person)-[k:KNOWS]->(b:Person) WHERE k.since < 2000 RETURN a.name, count(b)",
        ),
        (
            "does_not_parse",
            "MATCH (a:Person)-[k:KNOWS]->(b:Person) WHERE k.since < 2000 RETURN a.name b.name",
        ),
    ],
}
