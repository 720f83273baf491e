"""The flags that say which phrasings and demonstrations a row is drawn with, beside those of the split."""

from __future__ import annotations

from dataclasses import dataclass, fields

from datamodules.limits import refuse_below
from datamodules.rows.read_and_split import SplitSettings
from datamodules.texts.augmentation import Phrasings


@dataclass(frozen=True)
class DrawSettings(SplitSettings):
    """Settings of what is drawn for a row; the fields are flags of the data."""

    shots: int = 0
    """Number of demonstrations before each question, from the training side only (k-shot)."""
    phrasings: Phrasings = "all"
    """`all` draws an instruction phrasing per training row and epoch, `first` always uses the first, `others`
    draws any but the first. Evaluation uses the first."""

    def __post_init__(self) -> None:
        """Reject values that cannot work.

        Raises:
            ValueError: If `SplitSettings` does, or the number of demonstrations is negative.
        """
        super().__post_init__()
        refuse_below(shots=self.shots)

    @property
    def split_settings(self) -> SplitSettings:
        """The settings of the split alone: prepared rows depend on nothing else here."""
        return SplitSettings(**{field.name: getattr(self, field.name) for field in fields(SplitSettings)})
