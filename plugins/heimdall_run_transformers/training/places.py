"""Folders and object stores by URL, through fsspec. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from heimdall_core.dataset.remote import has_secret
from heimdall_core.errors import RecipeError, missing_extra

#: The setting that names a place for checkpoints.
SETTING: Final = "train.checkpoints"


def check_url(url: str | None) -> None:
    """Raises `RecipeError` for a place that cannot be used, before any data is read."""
    if url is None:
        return
    if has_secret(url) or "?" in url:
        raise RecipeError(
            "holds credentials, which recipes and manifests would show",
            where=SETTING,
            hint="give them by the environment (AWS_ACCESS_KEY_ID, GOOGLE_APPLICATION_CREDENTIALS)",
        )
    open_place(url)


def open_place(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path in it. Raises `RecipeError` for an unknown one."""
    try:
        import fsspec  # type: ignore[import-untyped]
    except ImportError as error:
        raise missing_extra("fsspec", "remote", SETTING) from error
    try:
        system, root = fsspec.core.url_to_fs(url)
    except ImportError as error:  # its message names the package
        raise RecipeError(str(error), where=SETTING, hint="or name a shared folder") from error
    except ValueError as error:
        raise RecipeError(
            f"no place that fsspec knows: {error}", where=SETTING, hint="s3://…, gs://… or a folder"
        ) from error
    return system, root.rstrip("/")


def write_small(system: Any, path: str, text: str) -> None:
    """A small file, replaced as a whole: object stores do so themselves, disks by renaming."""
    from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]

    if isinstance(system, LocalFileSystem):
        part = Path(f"{path}.part")
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    else:
        system.pipe_file(path, text.encode())
