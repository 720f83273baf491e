"""Stress test 11: nothing in a YAML file or in a template runs."""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path

import pytest
import yaml

from datamodules.formats import Query, load_format
from tests.helpers.tiny import make_tokenizer
from tests.stress.hostile import arm, check_refused, run_line

QUERY = Query("Name it.", "CCO", "SMILES", "name")
TAGS = (
    "!!python/object/apply:os.mkdir [ran]", "!!python/object/new:os.mkdir [ran]", "!!python/name:os.system",
    "!!python/module:evil", "!!python/object:evil.Mine {}", "!!python/object/apply:builtins.exec ['import evil']",
)  # fmt: skip
YAMLS = ("--config", "--data.task", "--data.format", "--model.base", "--model.add_tokens")


@pytest.mark.parametrize(
    "cases",
    [
        [(TAGS[0], place) for place in YAMLS[1:4]],
        pytest.param(list(product(TAGS, YAMLS)), marks=pytest.mark.stress),
    ],
    ids=["few", "all"],
)
def test_python_tags_in_yaml_make_nothing(
    record_tries, cases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    mark, _ = arm(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))

    def attempt(case: tuple[str, str]) -> None:
        tag, flag = case
        (tmp_path / "x.yaml").write_text(f"prompt: {tag}\n")
        check_refused(
            run_line(["show", flag, "x.yaml"]), mark, r"could not determine a constructor|YAML|error"
        )
        assert "evil" not in sys.modules

    record_tries(
        11, "Python tags in YAML files", cases, attempt, "configurations, tasks, formats, bases, tokens"
    )


TEMPLATES = (
    "{{ ''.__class__.__mro__[1].__subclasses__() }}", "{{ cycler.__init__.__globals__.os.mkdir('ran') }}",
    "{{ lipsum.__globals__['os'].mkdir('ran') }}", "{{ self.__init__.__globals__ }}", "{{ joiner.__init__.__globals__.os }}",
    "{{ '{0.__class__.__init__.__globals__}'.format(cycler) }}", "{{ ('%s' | attr('__class__')) }}",
    "{{ input.__class__.__base__.__subclasses__() }}", "{{ namespace.__init__.__globals__ }}",
    "{% include 'evil.py' %}", "{% import 'evil.py' as evil %}", "{{ range(1000000) | list }}", "{{ 1 / 0 }}", "{{ 'a' + 1 }}",
    "{{ get_flashed_messages.__globals__ }}", "{{ [].append.__self__.__class__.__mro__ }}",
    "{{ input | map(attribute='__class__') | first }}",
)  # fmt: skip


def test_format_templates_run_no_code(record_tries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def attempt(case: tuple[str, str]) -> None:
        template, key = case
        form = {"prompt": "{{ input }}", "completion": "{{ output }}"}
        (tmp_path / "x.yaml").write_text(yaml.safe_dump({**form, key: form[key] + template}))
        try:
            shown = load_format("x.yaml").render(QUERY)[key == "completion"]
        except ValueError:
            shown = ""
        assert not (tmp_path / "ran").exists()
        assert not any(word in shown for word in ("class", "module", "built-in")), shown

    record_tries(
        11,
        "templates of formats",
        list(product(TEMPLATES, ("prompt", "completion"))),
        attempt,
        "Jinja in a sandbox",
    )


@pytest.mark.parametrize("template", TEMPLATES[:9])
def test_chat_templates_run_no_code(template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tokenizer = make_tokenizer()
    tokenizer.chat_template = template + "{{ messages[0].content }}"
    (tmp_path / "chat.yaml").write_text("prompt: '{{ input }}'\ncompletion: '{{ output }}'\nchat: true\n")
    try:
        shown = load_format("chat.yaml").render_chat(tokenizer, QUERY)
    except Exception as error:
        shown = str(error)
    assert not (tmp_path / "ran").exists()
    assert "<class" not in shown
