"""Settings that end up in manifests and error texts must hold no secret: keys come from the
environment alone. Validators for options classes; none of them repeats what it refuses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

_SECRET_NAME = re.compile(r"(^|_)(key|token|secret|password|passwd|authorization)$", re.IGNORECASE)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def is_secret_name(name: str) -> bool:
    """Whether a setting of that name would hold a secret: `api_key`, `token`."""
    return bool(_SECRET_NAME.search(name))


def plain_address(_instance: Any, attribute: Any, value: str) -> None:
    """Refuses an address that is none, or that carries a password or a query."""
    if value:
        _require_plain(attribute.name, value)
        if urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).hostname:
            raise ValueError(
                f"{attribute.name} must be an address such as http://localhost:8000/v1"
            )


def variable_name(_instance: Any, attribute: Any, value: str) -> None:
    """Refuses what is no name of an environment variable: it may be the key itself."""
    if not _VARIABLE.fullmatch(value):
        raise ValueError(
            f"{attribute.name} must be the name of an environment variable, not a key itself"
        )


def no_secrets(_instance: Any, attribute: Any, table: Mapping[str, Any]) -> None:
    """Refuses a table of settings with a key or a password in it."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            no_secrets(_instance, attribute, value)
        elif isinstance(value, str):
            if is_secret_name(name):
                raise ValueError(
                    f"{attribute.name}.{name}: keys come from the environment alone: key_variable"
                )
            if "://" in value:
                _require_plain(f"{attribute.name}.{name}", value)


def _require_plain(name: str, value: str) -> None:
    try:
        parts = urlsplit(value)
    except ValueError:
        raise ValueError(f"{name} is no address") from None
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError(
            f"{name} must hold no password and no query: it is written down; keys come from the "
            "environment alone"
        )
