"""Where a base model lies: a folder, or the hub's cache, or the hub itself."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any, Final

from heimdall_core.errors import ModelError

#: Files of a model that are wanted from the hub; nothing that can hold code.
PATTERNS: Final = ("*.json", "*.safetensors", "*.jinja", "tokenizer.model", "*.txt")

ADAPTER_CONFIG: Final = "adapter_config.json"
ADAPTER_WEIGHTS: Final = "adapter_model.safetensors"

#: Written beside an adapter: what it was made on, with what, from what.
HEIMDALL: Final = "heimdall.json"


def base_mark(folder: Path) -> str | None:
    """A digest of a model's embedding, as it is stored: the same however the files are cut, another
    one for any other training. None where it cannot be found."""
    from safetensors import SafetensorError, safe_open

    name = "model.embed_tokens.weight"
    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(path, framework="pt") as file:
                if name in file.keys():  # noqa: SIM118 - no mapping
                    rows: Any = file.get_tensor(name)
                    return hashlib.sha256(bytes(rows.contiguous().untyped_storage())).hexdigest()
        except (OSError, SafetensorError):
            return None
    return None


def is_adapter(path: Path) -> bool:
    """Whether a directory holds an adapter: its configuration and its weights as safetensors."""
    return (path / ADAPTER_CONFIG).is_file() and (path / ADAPTER_WEIGHTS).is_file()


def find_base(name: str, *, download: bool = True) -> Path:
    """The directory of a base model by its path or its name on the hub.

    Raises `ModelError` that says where it was looked for and how to fetch it.
    """
    folder = Path(name)
    if (folder / "config.json").is_file():
        return folder
    if folder.exists():
        raise ModelError("is no model directory: it has no config.json", where=name)
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise ModelError("there is no such model directory", where=name)
    from huggingface_hub import constants, snapshot_download

    try:
        return Path(snapshot_download(name, local_files_only=True, allow_patterns=list(PATTERNS)))
    except Exception as error:  # noqa: BLE001 - the hub's client has a dozen types for "not there"
        reason: Any = error
    offline = constants.HF_HUB_OFFLINE or os.environ.get("TRANSFORMERS_OFFLINE") == "1"
    if download and not offline:
        try:
            return Path(snapshot_download(name, allow_patterns=list(PATTERNS), etag_timeout=5))
        except Exception as error:  # noqa: BLE001 - as above, and every error of the network
            reason = error
    why = "the hub is switched off (HF_HUB_OFFLINE)" if offline else _short(reason)
    raise ModelError(
        f"the base model is not here: neither a folder {folder.absolute()} nor in the hub's cache "
        f"{constants.HF_HUB_CACHE}, and {why}",
        where=name,
        hint=f"where there is network: hf download {name} --local-dir DIR, "
        "then name DIR as base_model",
    )


def _short(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"the hub did not give it ({type(error).__name__}: {text[:120]})"


def read_facts(adapter: Path) -> dict[str, Any]:
    """heimdall.json of an adapter; empty where there is none."""
    try:
        found = json.loads((adapter / HEIMDALL).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ModelError("is not valid JSON", where=str(adapter / HEIMDALL)) from error
    return found if isinstance(found, dict) else {}


def base_of(adapter: Path) -> Path:
    """The base model of an adapter directory: where it was when the adapter was trained, relative
    to the adapter, or by its name on the hub. Raises `ModelError` as `find_base`."""
    facts = read_facts(adapter)
    try:
        config = json.loads((adapter / ADAPTER_CONFIG).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError("is not valid JSON", where=str(adapter / ADAPTER_CONFIG)) from error
    names = [facts.get("base_path"), facts.get("base_model"), config.get("base_model_name_or_path")]
    wanted = list(dict.fromkeys(name for name in names if isinstance(name, str) and name))
    for name in wanted:
        for folder in (Path(name), adapter / name):
            if (folder / "config.json").is_file():
                return folder
    if not wanted:
        raise ModelError("the adapter names no base model", where=str(adapter))
    return find_base(wanted[-1])
