from __future__ import annotations

from pathlib import Path

import pytest

from cli.asking.find import describe
from cli.asking.model import Model
from cli.demo import page as demo
from cli.demo.answerer import Answer, Answerer, Reply
from tests.helpers.browser import ask_page, why_no_browser
from tests.helpers.demo_runs import write_run

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def answerer(tmp_path_factory: pytest.TempPathFactory) -> Answerer:
    return Answerer(Model(describe(write_run(tmp_path_factory.mktemp("run")))), answers=2)


@pytest.fixture(scope="module")
def address(answerer: Answerer):
    pytest.importorskip("gradio", reason='needs Gradio: pip install -e ".[demo]"')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "EXAMPLES", {"smiles": ("CCO", "CN1CCCC1" * 12)})
        page = demo.build_page(answerer)
    yield demo.serve(page, block=False)
    page.close()


def test_page_shows_answers_as_text_and_not_as_html() -> None:
    answer = Answer(HOSTILE, 0.5, HOSTILE, HOSTILE, False, f"<svg>{HOSTILE}</svg>")
    shown = demo.show_reply(Reply(HOSTILE, None, [answer], unread=HOSTILE))
    assert "<script" not in shown
    assert shown.count("&lt;script&gt;") == 5
    assert "OPSIN cannot read this name" in shown
    assert "OPSIN" not in demo.show_reply(Reply("ethanol", None, []))
    assert "50.0 %" in shown


@pytest.mark.parametrize(
    ("share", "words"), [(1.0, "100.0 %"), (0.0296, "3.0 %"), (0.0009, "&lt; 0.1 %"), (0.0, "&lt; 0.1 %")]
)
def test_page_writes_probabilities_in_percent(share: float, words: str) -> None:
    assert demo.show_share(share) == words


@pytest.mark.parametrize("text", [HOSTILE, "", None, "C" * 1001, "\ud800", "C(", "\0"])
def test_page_tells_a_users_mistake(answerer: Answerer, text: str | None) -> None:
    shown = demo.respond(answerer, "name_small_molecules", text)
    assert shown.startswith('<div class="patois-card">')
    assert "<script" not in shown
    assert "patois-tag" not in shown


def test_page_tells_an_unknown_task(answerer: Answerer) -> None:
    assert "Expected one of the tasks name_small_molecules" in demo.respond(answerer, HOSTILE, "CCO")


def test_page_is_served_to_this_machine_only_and_takes_no_files(address: str) -> None:
    import httpx

    assert address.startswith("http://127.0.0.1:")
    assert "Patois" in httpx.get(address).text
    assert httpx.post(f"{address}gradio_api/upload", files={"files": b"x"}).status_code == 403
    join = f"{address}gradio_api/queue/join"
    assert httpx.post(join, content=b"x" * (demo.BODY_BYTES + 1)).status_code == 413
    assert httpx.post(join, content=iter([b"{}"])).status_code == 413  # in chunks: no length is said
    question = {"data": ["name_small_molecules", "CCO"], "fn_index": 0, "session_hash": "x"}
    assert httpx.post(join, json=question).status_code == 200


@pytest.mark.slow
@pytest.mark.skipif(why_no_browser() is not None, reason=str(why_no_browser()))
def test_page_in_a_browser_gives_answers_and_fetches_nothing_elsewhere(address: str, tmp_path: Path) -> None:
    seen = ask_page(address, "CCO", tmp_path / "page.png")
    assert seen.reply.startswith("CCO\n")
    assert "%" in seen.reply
    assert seen.pictures >= 1
    assert seen.elsewhere == []
    assert seen.errors == []
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
    assert "Not a valid" in ask_page(address, HOSTILE).reply


@pytest.mark.slow
@pytest.mark.skipif(why_no_browser() is not None, reason=str(why_no_browser()))
@pytest.mark.parametrize(("width", "most"), [(390, 300), (1280, 180)])
def test_cards_fit_a_phone_and_a_desk(address: str, width: int, most: int) -> None:
    seen = ask_page(address, "CC(=O)Oc1ccccc1C(=O)O", width=width)
    assert seen.heights
    assert max(seen.heights) < most
    assert not seen.sticks_out
    assert seen.spilling == []


def test_examples_are_questions_of_the_models_own_tasks(answerer: Answerer) -> None:
    examples = demo.list_examples(answerer)
    assert examples
    for task, text in examples:
        assert "%" in demo.respond(answerer, task, text)


def test_demo_command_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"^error: Expected --model to be a run's folder"):
        demo.main(["--model", str(tmp_path)])
