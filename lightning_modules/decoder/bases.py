"""Resolve a base, the decoder to start from: a name in configs/bases, a YAML file, a folder or a Hub id."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from configs.lookup import PROJECT, SUFFIXES, find_config, list_configs, load_yaml
from configs.yaml_text import read_written
from lightning_modules.decoder.gguf import unpack_gguf

Init = Literal["pretrained", "random"]

BUILTIN = PROJECT / "lightning_modules" / "builtin"
"""The architecture of the built-in decoder, and its tokenizer."""
FLAGSHIP = PROJECT / "lightning_modules" / "flagship"
"""The model that ships with Patois, trained with configs/flagship.yaml."""
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
FINE_TUNING_RATE = 1e-4
"""Suits pretrained models of 100M to 500M parameters; the rate that random weights need (2e-3) would destroy them."""


@dataclass(frozen=True)
class BaseSpec:
    """A pretrained (or random) decoder to start from, as `configs/bases/*.yaml` describes it."""

    name: str
    """The value of `--model.base`."""
    path: str = ""
    """A local folder (absolute) or a Hub id `owner/name`; the tokenizer is always loaded from here."""
    package: str | None = None
    """Instead of `path`: the import name of an installed package that contains `gguf_file`."""
    gguf_file: str | None = None
    """Name of the file with weights and tokenizer; see `gguf.unpack_gguf`."""
    revision: str | None = None
    """A commit or branch of the Hub repository; None for a folder."""
    init: Init = "pretrained"
    """`pretrained` weights, or `random` weights of the same architecture."""
    config: dict[str, Any] | None = None
    """An explicit architecture (`model_type: llama, hidden_size: 128, ...`) that replaces the one at `path`."""
    learning_rate: float | None = None
    """Learning rate for fine-tuning unless --model.optimizer.lr sets another; None: see `learning_rate_of`."""
    format: str | None = None
    """The format in which it was trained, the default of `--data.format`; a name in configs/formats."""
    tasks: tuple[str, ...] = ()
    """The tasks on which it was trained: names in configs/tasks; `--model.base auto` chooses by them."""
    licence: str = "unknown"
    """Licence of the weights."""
    note: str = ""
    """Remark for human readers."""

    @property
    def is_local(self) -> bool:
        """Whether the base is a folder on this machine."""
        return self.package is not None or Path(self.path).is_dir()

    @property
    def source(self) -> str:
        """The folder or Hub id to load from; a package's file is unpacked at first use, which takes a minute."""
        return unpack_gguf(self.package, self.gguf_file or "") if self.package else self.path


def resolve_base(base: str | BaseSpec) -> BaseSpec:
    """Resolve `--model.base`.

    Args:
        base: A name in configs/bases, a path to such a YAML file, a local folder with a config.json, or a Hub id.

    Raises:
        ValueError: If it is none of these.

    Examples:
        >>> spec = resolve_base("opt-125m")
        >>> spec.path, spec.init, spec.is_local
        ('facebook/opt-125m', 'pretrained', False)
        >>> resolve_base("gpt2") == resolve_base(resolve_base("gpt2"))
        True
    """
    if isinstance(base, BaseSpec):
        return base
    if base.endswith(SUFFIXES) or base in list_configs("bases"):
        return _read_base(base, find_config("bases", base))
    folder = Path(base).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ValueError(f"--model.base {base!r}: expected a folder with a config.json, but it has none.")
        return BaseSpec(name=base, path=str(folder.resolve()))
    if HUB_ID.fullmatch(base):
        return BaseSpec(name=base, path=base, revision="main")
    if "/" in base:
        raise ValueError(f"--model.base {base!r} is neither a folder that exists nor a Hub id (owner/name).")
    return _read_base(base, find_config("bases", base))  # raises, with the names that exist


def learning_rate_of(base: str | BaseSpec) -> float | None:
    """Return the learning rate to fine-tune a base with.

    It is the base's own rate. Without one, it is `FINE_TUNING_RATE` for pretrained weights, and None for random weights:
    the configuration then decides.

    Examples:
        >>> learning_rate_of("some/model-of-the-hub")
        0.0001
    """
    spec = resolve_base(base)
    if spec.learning_rate is None and spec.init == "pretrained":
        return FINE_TUNING_RATE
    return spec.learning_rate


def _read_base(name: str, file: Path) -> BaseSpec:
    content = load_yaml(file)
    if "revision" in content:  # a branch may be called 1.0
        revision = load_yaml(file, read_written)["revision"]
        content["revision"] = None if revision is None else str(revision)
    known = {field.name for field in fields(BaseSpec)} - {"name"}
    unknown = sorted(set(content) - known)
    if unknown:
        raise ValueError(f"{file}: unknown keys {unknown}; a base has {sorted(known)}.")
    if "tasks" in content:
        if not isinstance(content["tasks"], list) or not isinstance(content.get("format"), str):
            raise ValueError(
                f"{file}: expected `tasks:` to be a list of names, and `format:` a name beside it."
            )
        content["tasks"] = tuple(content["tasks"])
    if ("package" in content) != ("gguf_file" in content) or ("package" in content and "path" in content):
        raise ValueError(f"{file}: expected `package:` and `gguf_file:` together, without `path:`.")
    if "package" in content:
        return BaseSpec(name=name, **content)
    if not isinstance(content.get("path"), str):
        raise ValueError(
            f"{file}: expected `path:` to be a folder or a Hub id, but got {content.get('path')!r}."
        )
    if content.get("init", "pretrained") not in ("pretrained", "random"):
        raise ValueError(f"{file}: expected `init:` to be pretrained or random, but got {content['init']!r}.")
    rate = content.get("learning_rate")
    if rate is not None and not (isinstance(rate, float) and 0 < rate < 1):
        raise ValueError(
            f"{file}: expected `learning_rate:` to be a number between 0 and 1 such as 1e-4, but got {rate!r}."
        )
    architecture = content.get("config")
    if architecture is not None:
        if not isinstance(architecture, dict) or "model_type" not in architecture:
            raise ValueError(
                f"{file}: expected `config:` to be a mapping with a model_type, but got {architecture!r}."
            )
        if content.setdefault("init", "random") != "random":
            raise ValueError(
                f"{file}: a base with its own `config:` has no pretrained weights; write `init: random`."
            )
    for parent in (file.parent, PROJECT):  # a relative folder is relative to the YAML file or the project
        if (parent / content["path"] / "config.json").is_file():
            content["path"] = str((parent / content["path"]).resolve())
            break
    else:
        if content["path"].startswith(
            "lightning_modules/"
        ):  # a folder of this project that only looks like a Hub id
            raise ValueError(
                f"--model.base {name!r}: {PROJECT / content['path']} is missing from this installation: check it out again "
                "or reinstall, or use another base."
            )
    return BaseSpec(name=name, **content)
