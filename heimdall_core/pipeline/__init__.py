"""The pipeline: stages with content-addressed outputs, manifests, resume."""

from heimdall_core.pipeline.runner import RunResult, StageResult, list_runs, read_manifest, run

__all__ = ["RunResult", "StageResult", "list_runs", "read_manifest", "run"]
