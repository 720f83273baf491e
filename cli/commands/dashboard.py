"""`patois dashboard`: make a W&B workspace and a report for a project."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from importlib.util import find_spec

from callbacks.loggers.terminal import say


def main(args: Sequence[str] | None = None) -> None:
    """Make both and print their addresses; print the layout with `--dry-run`, or if W&B is to be offline.

    Raises:
        ValueError: If the package or the key is missing, or W&B refuses.
    """
    parser = argparse.ArgumentParser(description="Make a W&B workspace and a report for a project.")
    project = os.environ.get("WANDB_PROJECT") or "patois"
    parser.add_argument("--project", default=project, help="default: WANDB_PROJECT, or patois")
    owner = "user or team; default: WANDB_ENTITY, or the key's owner"
    parser.add_argument("--entity", default=os.environ.get("WANDB_ENTITY"), help=owner)
    parser.add_argument(
        "--dry-run", action="store_true", help="print the layout; send nothing, and need no package"
    )
    options = parser.parse_args(args)
    from callbacks.reports.dashboard import build, layout

    sections = layout.describe_sections()
    offline = os.environ.get("WANDB_MODE") in ("offline", "disabled", "dryrun")
    if options.dry_run or offline:
        for line in layout.print_layout(options.project, sections):
            say(line)
        if offline and not options.dry_run:
            say(f"W&B is off (WANDB_MODE={os.environ['WANDB_MODE']}): nothing was sent.", error=True)
        return
    if find_spec("wandb_workspaces") is None:
        raise ValueError(build.MISSING)
    _check_access()
    entity = options.entity or _find_entity()
    for kind, address in build.upload(entity, options.project, sections).items():
        say(f"{kind}: {address}", wrap=False)


def _check_access() -> None:
    """Raise ValueError if there is no key, since W&B would ask for one at the terminal, or if its host does not answer."""
    import wandb

    from callbacks.loggers.wandb_logger import REACH_SECONDS, has_credentials, is_reachable

    settings = wandb.setup().settings
    if not has_credentials(settings.base_url, settings.api_key):
        raise ValueError(
            "Expected a key of W&B, but found none: `wandb login` stores one; --dry-run needs none."
        )
    if not is_reachable(settings.base_url):
        raise ValueError(
            f"{settings.base_url} did not answer within {REACH_SECONDS:.0f} s: check the network, or add --dry-run to print the "
            "layout only."
        )


def _find_entity() -> str:
    """Return the owner of W&B's key; raise ValueError if W&B does not say."""
    import wandb

    try:
        entity = wandb.Api().default_entity
    except Exception as error:  # W&B's and the network's, of many kinds
        words = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise ValueError(f"W&B does not say whose key it is ({words}): give --entity.") from error
    if not entity:
        raise ValueError("W&B does not say whose key it is: give --entity.")
    return str(entity)
