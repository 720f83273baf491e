"""Which values the data's flags may have; loads nothing."""

from __future__ import annotations

LEAST = {
    "batch_size": 1,
    "eval_batch_size": 1,
    "num_workers": 0,
    "train_rows": 1,
    "epoch_rows": 1,
    "val_rows": 0,
    "test_rows": 1,
    "max_length": 2,
    "split_seed": 0,
    "window_stride": 1,
}


def refuse_below(**flags: int | None) -> None:
    """Raise an error if a data flag is below its minimum; None means no limit.

    Raises:
        ValueError: If a flag is below its minimum.

    Examples:
        >>> refuse_below(batch_size=0)
        Traceback (most recent call last):
            ...
        ValueError: Expected --data.batch_size to be at least 1, but got 0.
    """
    for name, value in flags.items():
        if value is not None and value < LEAST[name]:
            raise ValueError(f"Expected --data.{name} to be at least {LEAST[name]}, but got {value}.")


def parse_shots(shots: int | str) -> tuple[int, int]:
    """Return the least and the largest number of demonstrations that `--data.shots` allows.

    Raises:
        ValueError: If it is neither a number nor two with a dash between them.

    Examples:
        >>> parse_shots(3), parse_shots("3"), parse_shots("0-6")
        ((3, 3), (3, 3), (0, 6))
        >>> parse_shots("6-0")
        Traceback (most recent call last):
            ...
        ValueError: Expected --data.shots to be a number such as 3 or a range such as 0-6, but got '6-0'.
    """
    least, dash, most = str(shots).strip().partition("-")
    numbers = [text.strip() for text in ((least, most) if dash else (least, least))]
    if all(text.isascii() and text.isdigit() for text in numbers) and int(numbers[0]) <= int(numbers[1]):
        return int(numbers[0]), int(numbers[1])
    raise ValueError(
        f"Expected --data.shots to be a number such as 3 or a range such as 0-6, but got {shots!r}."
    )


def parse_shard(shard: str) -> tuple[int, int]:
    """Return the number of a shard, from 1, and the number of shards, of `--data.predict_shard`.

    Raises:
        ValueError: If it does not name a shard.

    Examples:
        >>> parse_shard("3/16")
        (3, 16)
        >>> parse_shard("0/16")
        Traceback (most recent call last):
            ...
        ValueError: Expected --data.predict_shard to be a shard such as 3/16 (from 1/16 to 16/16), but got '0/16'.
    """
    number, slash, count = (text.strip() for text in str(shard).partition("/"))
    known = slash and all(text.isascii() and text.isdigit() and len(text) < 10 for text in (number, count))
    if known and 1 <= int(number) <= int(count):
        return int(number), int(count)
    raise ValueError(
        f"Expected --data.predict_shard to be a shard such as 3/16 (from 1/16 to 16/16), but got {shard!r}."
    )


def spell_shard(shard: str) -> str:
    """Return a shard in the one spelling by which its files, its claim and its settings are compared.

    >>> spell_shard("01/03"), spell_shard(" 1 / 3")
    ('1/3', '1/3')
    """
    number, count = parse_shard(shard)
    return f"{number}/{count}"


def check_fractions(val_fraction: float, test_fraction: float) -> None:
    """Raise ValueError unless both are shares that leave rows for training."""
    if not (val_fraction >= 0 and test_fraction >= 0 and val_fraction + test_fraction < 1):
        raise ValueError(
            f"Expected --data.val_fraction and --data.test_fraction to be at least 0 and to add up to less than 1, "
            f"but got {val_fraction} and {test_fraction}."
        )


def refuse_no_questions(path: str | None) -> str:
    """Return the file to predict, or raise ValueError if none is given."""
    if not path:
        raise ValueError("`predict` needs the file with the inputs: --data.predict_path mols.csv")
    return path
