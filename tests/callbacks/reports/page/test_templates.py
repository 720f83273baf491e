from __future__ import annotations

from pathlib import Path

from callbacks.reports.page.templates import make_environment, read_style


def test_templates_of_another_folder_use_the_shared_parts_and_escape_values(tmp_path: Path) -> None:
    (tmp_path / "mine.html.jinja").write_text(
        "{% from 'parts.html.jinja' import estimates %}{{ name }}{{ estimates([one]) }}{{ width }}"
    )
    one = {"text": "50.0 %", "value": 0.5, "low": 0.25, "high": 0.75}
    page = make_environment(tmp_path).get_template("mine.html.jinja").render(name="<b>\x00", one=one)
    assert page.startswith("&lt;b&gt;\ufffd")
    assert "left:25.00%;width:50.00%" in page
    assert page.endswith("460")


def test_style_has_a_dark_and_a_printed_look() -> None:
    assert "prefers-color-scheme: dark" in read_style()
    assert "@media print" in read_style()
