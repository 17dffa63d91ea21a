"""Personal data and secrets: found in a made set, and not in clean rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from personal_rows import MAKERS, clean_texts, personal_texts

from heimdall_core.dataset.personal import find_personal, is_reserved, masked
from heimdall_core.dataset.validate import ValidateOptions, validate_file


def test_recall_on_a_made_set_of_500() -> None:
    texts = personal_texts(500)
    missed = [(kind, text) for kind, text in texts if not find_personal(text)]
    assert len(missed) <= 0.05 * len(texts), missed
    for kind in MAKERS:
        mine = [text for made, text in texts if made == kind]
        found = sum(bool(find_personal(text)) for text in mine)
        assert found >= 0.9 * len(mine), kind


def test_few_false_alarms_on_clean_rows() -> None:
    texts = clean_texts(1000)
    alarms = [(text, found) for text in texts if (found := find_personal(text))]
    assert len(alarms) <= 0.01 * len(texts), alarms[:5]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("mail anna@example.com", "e-mail"),
        ("GB82 WEST 1234 5698 7654 32 is the account", "iban"),
        ("paid with 4111 1111 1111 1111", "card"),
        ("host 2001:db8:85a3:0:0:8a2e:370:7334 answers", "ip"),
        ("+49 (0)30 901820", "phone"),
        ("postgres://me:hunter2!@db/app", "password"),
    ],
)
def test_kinds(text: str, kind: str) -> None:
    assert kind in [found for found, _ in find_personal(text)]


@pytest.mark.parametrize(
    "text",
    [
        "paid with 4111 1111 1111 1112",  # fails the check digit
        "GB82 WEST 1234 5698 7654 33",
        "version 10.2.3.4 of the driver",
        "MATCH (u {password: $password}) SET u.token = m.token",
        "id 550e8400-e29b-41d4-a716-446655440000",
        "between 2024-01-15 and 2024-03-31",
        "127.0.0.1",
    ],
)
def test_no_kinds(text: str) -> None:
    assert find_personal(text) == []


def test_a_report_counts_them_and_shows_none(write: Callable[..., Path]) -> None:
    secret = "AKIA" + "ABCDEFGHIJKLMNOP"
    path = write(
        [
            {"instruction": "Who wrote?", "output": "anna@firma.co.uk"},
            {"instruction": "Which key?", "output": secret},
            {"instruction": "How many?", "output": "42"},
        ]
    )
    report = validate_file(path)
    assert report.personal == 2
    assert report.personal_kinds == {"e-mail": 1, "token": 1}
    assert [line.split(": ")[1].split()[0] for line in report.personal_lines] == ["e-mail", "token"]
    assert secret not in str(report.to_json())
    assert report.ok(ValidateOptions(max_category_ratio=None))
    failures = report.failures(ValidateOptions().strict())
    assert [text for text in failures if text.startswith("Personal data")] == [
        "Personal data and secrets: in 2 of 3 rows (1 e-mail, 1 token)"
    ]
    assert secret not in masked(secret)


@pytest.mark.parametrize(
    ("kind", "text", "reserved"),
    [
        ("e-mail", "ada@example.org", True),
        ("e-mail", "ada@mail.EXAMPLE.com", True),
        ("e-mail", "ada@shop.test", True),
        ("e-mail", "ada@myexample.com", False),
        ("e-mail", "ada@example.de", False),
        ("e-mail", "example.com@gmail.com", False),
        ("ip", "192.0.2.7", True),
        ("ip", "203.0.113.255", True),
        ("ip", "2001:db8::1", True),
        ("ip", "192.0.3.7", False),
        ("ip", "10.0.0.5", False),
        ("phone", "+1 202-555-0143", False),
    ],
)
def test_what_is_set_aside_for_documentation(kind: str, text: str, reserved: bool) -> None:
    assert is_reserved(kind, text) is reserved


def test_reserved_addresses_are_shown_and_count_for_no_limit(write: Callable[..., Path]) -> None:
    path = write(
        [
            {"instruction": "Who wrote?", "output": "ada@example.org from 192.0.2.7"},
            {"instruction": "Who else?", "output": "ada@example.org and bo@firma.co.uk"},
            {"instruction": "How many?", "output": "42"},
        ]
    )
    report = validate_file(path)
    assert (report.personal, report.personal_reserved) == (1, 1)
    assert report.personal_kinds == {"e-mail": 1}
    assert [
        text
        for text in report.failures(ValidateOptions().strict())
        if text.startswith("Personal data")
    ] == [
        "Personal data and secrets: in 1 of 3 rows (1 e-mail); "
        "1 rows hold addresses that are reserved for examples"
    ]
