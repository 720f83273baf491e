"""A local page for asking a trained model: `python -m cli.demo.page [--model runs/mine]` (needs the extra `demo`)."""

from __future__ import annotations

import argparse
import base64
import html
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callbacks.loggers.terminal import say
from callbacks.rows.check_words import name_check
from cli.exit_status import ending_of
from cli.screen.quiet_libraries import silence_libraries

if TYPE_CHECKING:
    from cli.demo.answerer import Answer, Answerer, Reply

BODY_BYTES = 65_536
"""Maximum size of a request in bytes; a question has at most 1,000 characters."""
CSS = """
.gradio-container {max-width: 900px !important}
.patois-card {display: flex; flex-wrap: wrap; gap: 14px; align-items: center; padding: 6px 14px; margin: 8px 0;
  border: 1px solid var(--border-color-primary); border-radius: 10px; background: var(--background-fill-primary)}
.patois-card img, .patois-question img {background: #fff; border-radius: 8px; flex: none}
.patois-card .text {font-family: ui-monospace, monospace; overflow-wrap: anywhere; font-size: 1.05em}
.patois-card .facts {flex: 1 1 240px; min-width: 0}
.patois-card .probability {font-size: 1.2em; font-weight: 600; flex: none; width: 4.6em; text-align: right}
.patois-example {white-space: normal !important; overflow-wrap: anywhere; max-width: 100%; height: auto !important}
.patois-question {text-align: center}
.patois-question img {margin: 0 auto}
.patois-note {color: var(--body-text-color-subdued)}
.patois-tag {display: inline-block; margin: 6px 6px 0 0; padding: 1px 9px; border-radius: 9px; font-size: .85em;
  color: #fff; background: #6b7885}
.patois-tag.good {background: #1f7d5b} .patois-tag.bad {background: #b3402b}
@media (max-width: 600px) {
  .patois-card img {max-width: 100%; max-height: 130px}
  .patois-card .probability {text-align: left; width: auto}
}
"""
ABOUT_SHARES = (
    "Percent: how probable exactly this text is to the model. A low number beside a right answer is common."
)
EXAMPLES = {
    "smiles": ("CC(=O)Oc1ccccc1C(=O)O", "CCO"),
    "iupac": ("2-acetyloxybenzoic acid", "butan-2-ol"),
    "selfies": ("[C][C][O]",),
}
"""Questions to click, by the notation of a task's input."""


class Guard:
    """ASGI middleware that rejects uploads and long requests; every Gradio page has an upload address."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer an upload with 403 and a long request with 413; pass all others to the page."""
        if scope["type"] == "http":
            length = dict(scope["headers"]).get(b"content-length", b"")
            status = 200
            if "upload" in scope["path"]:
                status = 403
            elif scope["method"] not in ("GET", "HEAD") and not (
                length.isdigit() and int(length) <= BODY_BYTES
            ):
                status = 413
            if status != 200:
                await send({"type": "http.response.start", "status": status, "headers": []})
                await send({"type": "http.response.body", "body": b""})
                return
        await self.app(scope, receive, send)


def show_picture(svg: str | None, description: str) -> str:
    """Return an image element with a data URL, so that nothing in the picture can run or be fetched."""
    if svg is None:
        return ""
    content = base64.b64encode(svg.encode()).decode()
    return f'<img alt="{html.escape(description)}" src="data:image/svg+xml;base64,{content}">'


def show_share(share: float) -> str:
    """Return a probability as HTML: `2.9 %`, `&lt; 0.1 %`."""
    return "&lt; 0.1 %" if share < 0.001 else f"{100 * share:.1f} %"


def show_answer(answer: Answer) -> str:
    """Return one answer as HTML; its text is untrusted and escaped."""
    # Neutral: what can be read may still be wrong.
    valid = ("", "well-formed") if answer.reason is None else ("bad", name_check(False, "", answer.reason))
    tags = [valid]
    if answer.verdict is not None:
        tags.append(("good" if answer.same else "bad", f"by OPSIN: {answer.verdict}"))
    shown = "".join(f'<span class="patois-tag {kind}">{html.escape(label)}</span>' for kind, label in tags)
    return (
        f'<div class="patois-card">{show_picture(answer.picture, "the molecule of this answer")}<div class="facts">'
        f'<div class="text">{html.escape(answer.text) or "(empty)"}</div>{shown}</div>'
        f'<div class="probability">{show_share(answer.probability)}</div></div>'
    )


def show_reply(reply: Reply) -> str:
    """Return the question as the model read it, and its answers, as HTML."""
    return (
        f'<div class="patois-question">{show_picture(reply.picture, "the molecule of the question")}'
        f'<div class="text patois-note">{html.escape(reply.question)}</div></div>'
        + (
            f'<div class="patois-card"><span class="patois-tag bad">unchecked</span>OPSIN cannot read this name '
            f"({html.escape(reply.unread)}), so the answers cannot be checked.</div>"
            if reply.unread
            else ""
        )
        + "".join(show_answer(answer) for answer in reply.answers)
        + (f'<div class="patois-note">{ABOUT_SHARES}</div>' if reply.answers else "")
    )


def respond(answerer: Answerer, task: str | None, text: str | None) -> str:
    """Return the page's HTML for a question; a mistake in the question is shown, not raised."""
    try:
        return show_reply(answerer.ask(str(task), text or ""))
    except ValueError as error:
        return f'<div class="patois-card">{html.escape(str(error))}</div>'


def list_examples(answerer: Answerer) -> list[tuple[str, str]]:
    """Return tasks and questions to click: those of the first task of each notation that takes whole texts."""
    whole = [(name, task) for name, task in answerer.tasks.items() if not task.input.mask]
    first = {task.input.notation: name for name, task in reversed(whole)}
    return [(name, text) for notation, name in first.items() for text in EXAMPLES.get(notation, ())]


def build_page(answerer: Answerer) -> Any:
    """Return the Gradio page (not yet served).

    Raises:
        SystemExit: If Gradio is not installed.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when it is imported
    try:
        import gradio
    except ModuleNotFoundError as error:
        raise SystemExit('The demo page needs Gradio: pip install -e ".[demo]"') from error
    names = list(answerer.tasks)
    about = f"`{answerer.model.described.weights}`, format `{answerer.model.described.form.name}`."
    if (why := answerer.why_no_names()) is not None:
        about += f" Names cannot be checked: {why}."
    count = "one task" if len(names) == 1 else f"{len(names)} tasks"
    with gradio.Blocks(title="Patois", analytics_enabled=False) as page:
        gradio.Markdown(f"# Patois\nA small language model, fine-tuned for {count}. {about}")
        with gradio.Row():
            # Narrower screens put the two below each other, so that a task's name is whole.
            task = gradio.Dropdown(names, value=names[0], label="task", scale=1, min_width=260)
            text = gradio.Textbox(
                label="question", placeholder="CCO or a name, depending on the task", max_length=1000, scale=2,
                elem_id="question", min_width=260,
            )  # fmt: skip
        button = gradio.Button("Answer", variant="primary", elem_id="ask")
        with gradio.Row():
            for name, example in list_examples(answerer):
                gradio.Button(example, size="sm", min_width=120, elem_classes="patois-example").click(
                    partial(lambda name, example: (name, example), name, example),
                    None, [task, text], api_visibility="private",
                )  # fmt: skip
        reply = gradio.HTML(elem_id="reply")
        for trigger in (button.click, text.submit):
            trigger(
                lambda chosen, typed: respond(answerer, chosen, typed),
                [task, text], reply, api_visibility="private", concurrency_limit=1, concurrency_id="model",
            )  # fmt: skip
    return page


def serve(page: Any, host: str = "127.0.0.1", port: int | None = None, block: bool = True) -> str:
    """Serve a page and return its address.

    Args:
        page: From `build_page`.
        host: Address to listen on; 127.0.0.1 can be reached from this machine only.
        port: Port; None takes the first free port from 7860.
        block: Whether to serve until Ctrl-C.
    """
    import gradio
    from starlette.middleware import Middleware

    # System fonts: each visitor would fetch Gradio's own fonts, some of them from other hosts.
    theme = gradio.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    _, address, _ = page.launch(
        server_name=host, server_port=port, share=False, prevent_thread_lock=True, quiet=True, theme=theme,
        css=CSS, footer_links=[], run_history=False, enable_monitoring=False, pwa=False, ssr_mode=False,
        mcp_server=False, strict_cors=True, max_file_size=1, app_kwargs={"middleware": [Middleware(Guard)]},
    )  # fmt: skip
    if block:
        say(f"The page is at {address} (Ctrl-C ends it).", last=True)
        page.block_thread()
    return str(address)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, load the model and serve the page."""
    parser = argparse.ArgumentParser(description="Ask a trained model on a local web page.")
    parser.add_argument(
        "--model",
        type=Path,
        help="a run's folder or an exported folder; default: the last run, or else the shipped model",
    )
    parser.add_argument("--task", help="as --data.task; default: the run's task")
    parser.add_argument("--format", help="as --data.format; default: the run's format")
    parser.add_argument(
        "--host", default="127.0.0.1", help="0.0.0.0 lets other machines in, without a password"
    )
    parser.add_argument("--port", type=int, help="default: the first free port from 7860")
    options = parser.parse_args(arguments)
    say("demo: loading the model ...", error=True)
    from cli.asking.find import default_folder, describe
    from cli.asking.model import Model
    from cli.demo.answerer import Answerer

    silence_libraries()
    try:
        model = Model(describe(options.model or default_folder(), options.task, options.format))
        serve(build_page(Answerer(model)), options.host, options.port)
    except ValueError as error:
        if (line_and_status := ending_of(error)) is None:
            raise
        sys.exit(line_and_status[0])


if __name__ == "__main__":
    main()
