"""What teachers share: an official client that is asked, one answer at a time out of a session,
what a reply over HTTP means."""

from heimdall_core.teaching.clients import OfficialClient
from heimdall_core.teaching.replies import (
    answer_once,
    broken,
    count,
    decoded,
    plain_messages,
    retry_after,
    scrubbed,
    secret,
    status_failure,
)

__all__ = [
    "OfficialClient",
    "answer_once",
    "broken",
    "count",
    "decoded",
    "plain_messages",
    "retry_after",
    "scrubbed",
    "secret",
    "status_failure",
]
