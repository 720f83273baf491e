"""Drop what a command appends to a run's lists although the run already has it.

A run's config.yaml holds its whole lists, and the command that began it appends again when it is repeated:
`--trainer.callbacks+=X --ckpt_path last`, as a cluster repeats it word by word.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

STATE_KEYS = (
    "monitor", "mode", "interval", "every_n_train_steps", "every_n_epochs", "train_time_interval", "filename",
)  # fmt: skip
"""Arguments that tell callbacks of one class apart; Lightning names the state of most callbacks after some of them."""

Path = tuple[str | int, ...]


def find_repeated(before: Any, now: Any, path: Path = ()) -> Iterator[tuple[Path, list[Any]]]:
    """Yield each list that a command appended to, and which of its items remain.

    An appended item that the list already has is dropped. An appended object of a class replaces the run's object of that
    class (and, for callbacks, with the same `STATE_KEYS`), as a flag overrides the run's value.

    Args:
        before: The settings in a run's config.yaml.
        now: The settings of a command that read them and may have appended to lists.
        path: Where these settings are.

    Yields:
        The keys and places that lead to a list, and for each remaining item its place in the list now.

    Examples:
        >>> list(find_repeated({"model": {"add_tokens": ["a", "b"]}}, {"model": {"add_tokens": ["a", "b", "b", "c"]}}))
        [(('model', 'add_tokens'), [0, 1, 3])]
        >>> stop = {"class_path": "EarlyStopping", "init_args": {"monitor": "val/loss", "patience": 3}}
        >>> patient = {"class_path": "EarlyStopping", "init_args": {"monitor": "val/loss", "patience": 9}}
        >>> list(find_repeated({"callbacks": [stop]}, {"callbacks": [stop, patient]}))
        [(('callbacks',), [1])]
    """
    if isinstance(before, dict) and isinstance(now, dict):
        for key in now:
            if key in before:
                yield from find_repeated(before[key], now[key], (*path, key))
    elif isinstance(before, list) and isinstance(now, list) and _begins_with(now, before):
        kept = list(range(len(before)))
        for place in range(len(before), len(now)):
            same = [at for at, other in enumerate(kept) if _identity(now[other]) == _identity(now[place])]
            if not same:
                kept.append(place)
            elif all(now[kept[at]] != _like(now[place], now[kept[at]]) for at in same):
                kept[same[-1]] = place
        for place, item in enumerate(before):
            yield from find_repeated(item, now[place], (*path, place))
        if len(kept) < len(now):
            yield path, kept


def drop_repeated(config: Any, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Drop from a parsed configuration what `find_repeated` finds.

    Args:
        config: The parsed configuration; its lists are replaced in place.
        before: The settings in the run's config.yaml.
        now: The settings of `config`, as they would be saved.
    """
    for path, kept in find_repeated(before, now):
        holder = config
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = [holder[path[-1]][place] for place in kept]


def _begins_with(now: list[Any], before: list[Any]) -> bool:
    """Return whether a list is another one with items appended; objects are the same if their classes are."""
    return len(now) >= len(before) and list(map(_class_of, now[: len(before)])) == list(
        map(_class_of, before)
    )


def _class_of(item: Any) -> Any:
    return item["class_path"] if isinstance(item, dict) and "class_path" in item else item


def _identity(item: Any) -> Any:
    if not isinstance(item, dict) or "class_path" not in item:
        return item
    given = item.get("init_args") or {}
    return item["class_path"], [given.get(name) for name in STATE_KEYS]


def _like(item: Any, other: Any) -> Any:
    """Return an item with the other's `dirpath` if it has none: the run's own was chosen when it began."""
    if not isinstance(item, dict) or (item.get("init_args") or {}).get("dirpath", "") is not None:
        return item
    dirpath = (other.get("init_args") or {}).get("dirpath")
    return {**item, "init_args": {**item["init_args"], "dirpath": dirpath}}
