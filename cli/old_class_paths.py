"""Read class paths from before the callbacks were moved into packages and renamed.

Kept for one release, 0.1: older runs still resume, and older configuration files can still be read.
"""

from __future__ import annotations

import re

MOVED = {
    "anchors": "reports.baselines",
    "answer_limit": "run.answer_length_check",
    "audit_report": "reports.audit_report",
    "best_checkpoint": "run.best_checkpoint",
    "checkpoint_writer": "run.checkpoint_io",
    "confidence": "metrics.confidence",
    "enough_rows": "run.row_count_check",
    "error_classes": "metrics.error_classes",
    "exact_match": "metrics.exact_match",
    "fingerprint_similarity": "metrics.fingerprint_similarity",
    "finite_steps": "run.nonfinite_steps",
    "hf_export": "reports.hf_export",
    "last_checkpoint": "run.last_checkpoint",
    "metrics_csv": "loggers.metrics_csv",
    "phoneme_errors": "metrics.phoneme_errors",
    "prediction_table": "reports.prediction_table",
    "prediction_writer": "reports.prediction_writer",
    "rerank": "reports.rerank",
    "round_trip": "metrics.round_trip",
    "run_summary": "reports.run_summary",
    "stratified_match": "metrics.stratified_match",
    "text_similarity": "metrics.text_similarity",
    "throughput": "metrics.throughput",
    "valid_prefixes": "metrics.constrained_decoding",
    "validity": "metrics.validity",
    "wandb_logger": "loggers.wandb_logger",
}
"""Modules of `callbacks` whose classes a configuration can name: old name to new name."""
RENAMED = {
    "anchors.Anchors": "Baselines",
    "answer_limit.AnswerLimit": "AnswerLengthCheck",
    "enough_rows.EnoughRows": "RowCountCheck",
    "finite_steps.FiniteSteps": "NonfiniteSteps",
    "valid_prefixes.ValidPrefixes": "ConstrainedDecoding",
}
"""Renamed classes: old module and class to new class."""
_CLASS_PATH = re.compile(rf"(?<![\w.])callbacks\.({'|'.join(MOVED)})\.([A-Z]\w*)")


def rename_class_paths(text: str) -> str:
    """Return an argument or the text of a YAML file with current class paths.

    Examples:
        >>> rename_class_paths("--trainer.callbacks+=callbacks.validity.Validity")
        '--trainer.callbacks+=callbacks.metrics.validity.Validity'
        >>> rename_class_paths("class_path: callbacks.anchors.Anchors")
        'class_path: callbacks.reports.baselines.Baselines'
    """
    return _CLASS_PATH.sub(_rename, text)


def _rename(found: re.Match[str]) -> str:
    module, name = found.groups()
    return f"callbacks.{MOVED[module]}.{RENAMED.get(f'{module}.{name}', name)}"
