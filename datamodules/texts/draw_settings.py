"""The flags that say which rows are drawn, with which phrasings and demonstrations, beside those of the split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from configs.lookup import suggest
from datamodules.formats import InstructionFormat
from datamodules.limits import parse_shots, refuse_below
from datamodules.rows.read_and_split import SplitSettings
from datamodules.storage.cache_keys import describe_tokenizer
from datamodules.texts.augmentation import Phrasings
from datamodules.texts.demonstrations import ShotsBy
from datamodules.tokens.examples import LossOn
from datamodules.tokens.mixing import AdaptiveShares

Sampling = Literal["fixed", "adaptive"]


@dataclass(frozen=True)
class DrawSettings(SplitSettings):
    """Settings of what is drawn; the fields are flags of the data."""

    train_rows: int | None = None
    """Maximum number of training rows per task; subsets are nested (the first 100 are among the first 1,000)."""
    epoch_rows: int | None = None
    """Maximum number of training rows per epoch over all tasks, drawn again for each epoch; default all."""
    val_rows: int = 1000
    """Maximum number of validation rows per task, always the same rows."""
    test_rows: int | None = None
    """Maximum number of test rows per task; default all."""
    sampling: Sampling = "fixed"
    """`fixed` keeps the tasks' weights. `adaptive` changes them after each validation: a task whose validation loss fell more
    gets a larger share of the next epoch."""
    sampling_floor: float = 0.1
    """`adaptive`: the part of its first share that each task keeps, at least."""
    target_task: str | None = None
    """`adaptive`: shares follow the validation loss of this task, not the tasks' own. It may have weight 0."""

    condition: str | None = None
    """The condition of the answers that evaluation and prediction ask for, such as `conventional` for the style of a name; only
    rows in it are evaluated. `own` evaluates all rows, each asked in its own. Default: the task's."""
    ask: Literal["first", "all"] = "first"
    """`validate` and `test` ask each row in its task's `first` phrasing, or in `all`: metrics are then means over phrasings, with
    `_worst` and `_spread`."""
    shots: int | str = 0
    """Number of demonstrations before each question, from the training side only (k-shot); `0-6` draws the number for each
    row and epoch."""
    shots_by: ShotsBy = "chance"
    """Demonstrations are drawn by `chance`, or are the most `similar` training rows, the most similar last: by the fingerprints
    of molecules, else by the pieces of three letters that inputs share."""
    loss_on: LossOn = "completion"
    """Supervise the `completion` only, the `answers` (also those of demonstrations), or `all` tokens."""
    window_column: str | None = None
    """A column of the input, such as `context`, over which windows are laid where the prompt leaves less than an eighth of
    `max_length` for the answer. Evaluation asks the row once a window, and the most probable answer counts; training takes the
    first window that contains the answer. Default: rows over `max_length` are skipped."""
    window_stride: int | None = None
    """Tokens from the beginning of a window to that of the next; default half a window."""
    phrasings: Phrasings = "all"
    """`all` draws an instruction phrasing per training row and epoch, `first` always uses the first, `others`
    draws any but the first. Evaluation uses the first."""

    def __post_init__(self) -> None:
        """Reject values that cannot work.

        Raises:
            ValueError: If `SplitSettings` does, or a value is out of range.
        """
        super().__post_init__()
        refuse_below(
            train_rows=self.train_rows,
            epoch_rows=self.epoch_rows,
            val_rows=self.val_rows,
            test_rows=self.test_rows,
            window_stride=self.window_stride,
        )
        parse_shots(self.shots)
        self._check_windows()
        if not 0 <= self.sampling_floor <= 1:
            raise ValueError(
                f"Expected --data.sampling_floor to be in [0, 1], but got {self.sampling_floor}."
            )
        if self.target_task is not None and self.sampling != "adaptive":
            raise ValueError(
                f"--data.target_task {self.target_task} needs --data.sampling adaptive, but got {self.sampling}."
            )

    def _check_windows(self) -> None:
        """Raise ValueError if windows meet what they do not work with."""
        if self.window_column is None:
            if self.window_stride is not None:
                raise ValueError(
                    f"--data.window_stride {self.window_stride} needs the column to cut: --data.window_column context."
                )
            return
        wrong = {
            f"--data.shots {self.shots}": self.most_shots > 0,
            f"--data.ask {self.ask}": self.ask != "first",
            f"--data.loss_on {self.loss_on}": self.loss_on != "completion",
        }
        if found := [flag for flag, is_wrong in wrong.items() if is_wrong]:
            raise ValueError(
                f"Expected --data.window_column {self.window_column} without demonstrations, with one phrasing a row and the "
                f"loss on the completion, but got {found[0]}. Leave one of them out."
            )

    @property
    def most_shots(self) -> int:
        """The largest number of demonstrations before a question."""
        return parse_shots(self.shots)[1]

    @property
    def limits(self) -> dict[str, int | None]:
        """The maximum number of rows per task on each side of the split."""
        return {"train": self.train_rows, "val": self.val_rows, "test": self.test_rows}

    def check_tasks(self, names: Sequence[str], weights: Sequence[float] | None) -> None:
        """Raise ValueError if `adaptive` sampling has nothing to choose among, or a target that is no task."""
        if self.sampling != "adaptive":
            return
        trained = [
            name for name, weight in zip(names, weights or [1.0] * len(names), strict=True) if weight > 0
        ]
        if len(trained) < 2:
            raise ValueError(
                f"--data.sampling adaptive needs two or more tasks that are trained, but got {', '.join(trained)}. "
                "Name more in --data.task, or use --data.sampling fixed."
            )
        if self.target_task is not None and self.target_task not in names:
            raise ValueError(
                f"Expected --data.target_task to be one of the tasks ({', '.join(names)}), but got {self.target_task!r}."
                f"{suggest(self.target_task, list(names))}"
            )

    def make_shares(
        self, names: Sequence[str], weights: Sequence[float] | None, counts: Sequence[int]
    ) -> AdaptiveShares | None:
        """Return the tasks' shares for `adaptive` sampling, at first as the weights or the numbers of rows; else None."""
        if self.sampling != "adaptive":
            return None
        target = None if self.target_task is None else names.index(self.target_task)
        return AdaptiveShares(counts if weights is None else weights, self.sampling_floor, target)

    @property
    def split_settings(self) -> SplitSettings:
        """The settings of the split alone: prepared rows depend on nothing else here."""
        return SplitSettings(**{field.name: getattr(self, field.name) for field in fields(SplitSettings)})


def describe_tokens(
    rows_key: str | None,
    side: str,
    drawing: DrawSettings,
    form: InstructionFormat,
    tokenizer: Any,
    **facts: Any,
) -> dict[str, Any] | None:
    """Return everything that a side's tokens in the first phrasing depend on, or None if it cannot be described.

    Args:
        rows_key: The key of the prepared rows.
        side: The side of the split.
        drawing: The flags of what is drawn.
        form: The instruction format.
        tokenizer: The base's tokenizer.
        facts: Further values.
    """
    described = describe_tokenizer(tokenizer)
    if rows_key is None or described is None:
        return None
    shots = [drawing.shots, drawing.shots_by, drawing.loss_on == "answers", drawing.train_rows]
    return {
        "rows": rows_key,
        "format": asdict(form),
        "tokenizer": described,
        "side": side,
        "limit": drawing.limits[side],
        "shots": shots if drawing.most_shots else None,
        **facts,
    }
