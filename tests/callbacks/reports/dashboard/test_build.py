"""The layout as objects of wandb-workspaces, where it is installed; without it, the message that says so."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import pytest

from callbacks.reports.dashboard.build import build_panel, build_report, build_workspace, upload
from callbacks.reports.dashboard.layout import describe_sections

SECTIONS = describe_sections()
PANELS = [panel for section in SECTIONS for panel in section.panels]
needs_package = pytest.mark.skipif(
    find_spec("wandb_workspaces") is None, reason="needs the extra dashboard: pip install wandb-workspaces"
)


@needs_package
@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.title)
def test_each_panel_is_built_and_serialised(panel: Any) -> None:
    text = build_panel(panel)._to_model().model_dump_json(by_alias=True, exclude_none=True)
    for name in panel.metrics:
        assert name in text
    for name in filter(None, (panel.group, panel.x if panel.kind == "points" else "")):
        first, _, rest = name.partition(".")
        assert f"{first}.value.{rest}" in text
    if panel.pattern:
        assert json.dumps(panel.pattern) in text
    if panel.kind not in ("table", "flags"):
        assert panel.title in text


@needs_package
def test_workspace_holds_all_sections() -> None:
    spec = build_workspace("me", "names", SECTIONS)._to_model().spec.model_dump(by_alias=True)
    found = spec["section"]["panelBankConfig"]["sections"]
    assert [(one["name"], len(one["panels"])) for one in found] == [(one.title, len(one.panels)) for one in SECTIONS]  # fmt: skip
    assert "summary:best/exact_match" in json.dumps(spec)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A W&B that knows the project, and takes whatever is saved."""
    from wandb_workspaces.reports.v2 import interface
    from wandb_workspaces.workspaces import internal

    asked: list[str] = []

    def answer(api: object, query: object, variables: dict[str, Any] | None = None, **kwargs: Any) -> Any:
        asked.append(str(variables))
        view = {
            "id": "1", "name": "n", "displayName": "d", "description": "", "createdAt": "2026-01-01T00:00:00Z",
            "updatedAt": "2026-01-01T00:00:00Z", "user": None, "spec": '{"version": 5, "blocks": []}',
            "project": {"name": "names", "entityName": "me"},
        }  # fmt: skip
        return {"project": {"internalId": "7"}, "upsertView": {"view": view}}

    api = SimpleNamespace(projects=lambda entity: [SimpleNamespace(name="names")], default_entity="me")
    monkeypatch.setattr(interface, "_get_api", lambda: api)
    for module in (interface, internal):
        monkeypatch.setattr(module, "execute_graphql", answer)
    monkeypatch.setattr(interface, "get_app_url", lambda api: "https://wandb.example")
    monkeypatch.setattr("wandb_workspaces.workspaces.interface.get_app_url", lambda api: "https://wandb.example")  # fmt: skip
    monkeypatch.setattr("wandb.Api", lambda *args, **kwargs: api)
    return asked


@needs_package
def test_report_repeats_the_sections_with_their_texts(host: list[str]) -> None:
    text = build_report("me", "names", SECTIONS)._to_model().spec.model_dump_json(by_alias=True)
    for section in SECTIONS:
        assert section.title in text
        assert json.dumps(section.text)[1:-1] in text


@needs_package
def test_upload_returns_both_addresses(host: list[str]) -> None:
    found = upload("me", "names", SECTIONS)
    assert set(found) == {"workspace", "report"}
    assert all(address.startswith("https://wandb.example/me/names") for address in found.values())
    assert any("Exact match by format" in one for one in host)


@needs_package
def test_what_wandb_refuses_is_told_in_one_line(host: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("no such\nproject")

    monkeypatch.setattr("wandb_workspaces.workspaces.internal.execute_graphql", refuse)
    with pytest.raises(ValueError, match=r"report of me/names \(RuntimeError: no such project\): check") as told:  # fmt: skip
        upload("me", "names", SECTIONS)
    assert "\n" not in str(told.value)


def test_missing_package_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb_workspaces", None)
    for name in [name for name in sys.modules if name.startswith("wandb_workspaces.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ValueError, match=r"not installed: pip install 'patois\[dashboard\]'"):
        upload("me", "names", SECTIONS)
