"""What a user may say about a file that the file itself does not say: the flags `--data.header` and `--data.encoding`."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import Literal

AUTO: Literal["auto"] = "auto"


@dataclass(frozen=True)
class TableOptions:
    """How a file is read; the fields are the flags of `SequenceTaskDataModule`."""

    header: bool | Literal["auto"] = AUTO
    """Whether the first line holds the column names; `auto` looks at the cells."""
    encoding: str = AUTO
    """The characters' encoding, as Python calls it; `auto` goes by byte order mark, then UTF-8, then cp1252."""

    def __post_init__(self) -> None:
        if self.encoding == AUTO:
            return
        try:
            codecs.lookup(self.encoding)
        except LookupError as error:
            raise ValueError(
                f"Expected --data.encoding to be auto or an encoding that Python knows (utf-8, cp1252, latin-1, utf-16, "
                f"shift_jis, ...), but got {self.encoding!r}."
            ) from error
