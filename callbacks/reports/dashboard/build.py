"""A layout as objects of the package wandb-workspaces, and their upload. The package is imported only here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from callbacks.reports.dashboard.layout import COLUMNS, Panel, Section

MISSING = (
    "The dashboard needs the package wandb-workspaces, which is not installed: pip install 'patois[dashboard]' (or "
    "wandb-workspaces), or add --dry-run to print its layout only."
)
_WIDTH, _HEIGHT = 12, 8  # of a report's 24 columns


def build_panel(panel: Panel, place: int = 0) -> Any:
    """Return a panel of wandb-workspaces.

    Args:
        panel: Its description.
        place: Its place among those of its section, two a line.
    """
    import wandb_workspaces.reports.v2 as wr

    wide = 2 * _WIDTH if panel.kind in ("table", "flags") else _WIDTH
    layout = wr.Layout(x=0 if wide > _WIDTH else place % 2 * _WIDTH, y=place // 2 * _HEIGHT, w=wide, h=_HEIGHT)  # fmt: skip
    if panel.kind == "table":
        return wr.WeavePanelSummaryTable(table_name=panel.metrics[0], layout=layout)
    if panel.kind == "flags":
        return wr.RunComparer(diff_only="split", layout=layout)
    if panel.kind == "points":
        return wr.ScatterPlot(
            title=panel.title, x=wr.Config(panel.x), y=wr.SummaryMetric(panel.metrics[0]), log_x=panel.log_x, layout=layout
        )  # fmt: skip
    if panel.kind == "bars":
        group: dict[str, Any] = {}
        if panel.group:
            group = {
                "groupby": wr.Config(panel.group),
                "groupby_aggfunc": "mean",
                "groupby_rangefunc": "minmax",
            }
        return wr.BarPlot(title=panel.title, metrics=list(panel.metrics), layout=layout, **group)
    names: dict[str, Any] = {"metric_regex": panel.pattern} if panel.pattern else {"y": list(panel.metrics)}
    return wr.LinePlot(title=panel.title, x=panel.x, layout=layout, **names)


def build_workspace(entity: str, project: str, sections: Sequence[Section]) -> Any:
    """Return a workspace of wandb-workspaces; nothing is sent."""
    import wandb_workspaces.workspaces as ws

    return ws.Workspace(
        entity=entity,
        project=project,
        name="Patois",
        sections=[
            ws.Section(
                name=section.title,
                panels=[build_panel(panel, place) for place, panel in enumerate(section.panels)],
                is_open=True,
            )
            for section in sections
        ],
        runset_settings=ws.RunsetSettings(pinned_columns=list(COLUMNS)),
    )


def build_report(entity: str, project: str, sections: Sequence[Section]) -> Any:
    """Return a report of wandb-workspaces; nothing is sent."""
    import wandb_workspaces.reports.v2 as wr

    blocks: list[Any] = [wr.TableOfContents()]
    for section in sections:
        runs = wr.Runset(entity=entity, project=project, name="all runs", pinned_columns=list(COLUMNS))
        panels = [build_panel(panel, place) for place, panel in enumerate(section.panels)]
        blocks += [wr.H2(section.title), wr.P(section.text), wr.PanelGrid(runsets=[runs], panels=panels)]
    return wr.Report(
        entity=entity, project=project, title=f"Patois: {project}",
        description="Made by `patois dashboard`.", blocks=blocks, width="fluid",
    )  # fmt: skip


def upload(entity: str, project: str, sections: Sequence[Section]) -> dict[str, str]:
    """Make the workspace and the report in W&B; return the address of each by its kind.

    Raises:
        ValueError: If the package is missing, or W&B refuses.
    """
    try:
        import wandb_workspaces.workspaces  # noqa: F401
    except ImportError as error:
        raise ValueError(MISSING) from error
    try:
        parts = {
            "workspace": build_workspace(entity, project, sections),
            "report": build_report(entity, project, sections),
        }
        return {kind: str(part.save().url) for kind, part in parts.items()}
    except Exception as error:  # W&B's and the network's, of many kinds
        words = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise ValueError(
            f"W&B did not make the workspace and the report of {entity}/{project} ({words}): check the project's name, "
            "`wandb login` and the network, or add --dry-run to print the layout only."
        ) from error
