"""The model card of shipped weights, from a test of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import AutoModelForCausalLM

from bench.markdown import as_table
from bench.release.bundled import BUNDLED, Pretraining
from bench.release.flagship import external
from bench.release.flagship.history import add_to_history, tabulate
from bench.release.flagship.parts import PARTS, Part
from bench.release.textbook import PARTS as TEXTBOOK_PARTS
from bench.release.textbook import RESULTS as TEXTBOOK
from bench.studies.results import read_results
from callbacks.reports.audit_report import describe_audit
from callbacks.reports.baselines import UNTRAINED
from callbacks.reports.end_table import result_cells
from callbacks.reports.export.card_results import list_results
from callbacks.reports.export.hf_folder import why_no_gguf
from callbacks.reports.export.licences import Licence
from callbacks.reports.export.model_card import Card, describe_use, make_head
from callbacks.reports.hf_export import write_results
from callbacks.rows.outcomes import OUTCOMES, estimate_right
from callbacks.run.run_facts import load_checkpoint
from configs.lookup import CONFIGS, load_yaml
from datamodules.storage.safe_csv import read_csv
from datamodules.texts.asking import load_asking
from lightning_modules.decoder.bases import FLAGSHIP
from lightning_modules.decoder.decoders import load_tokenizer

ASKED: Mapping[str, Any] = load_yaml(CONFIGS / "flagship.yaml")["data"]
"""How the weights are tested."""
KEPT = (
    "strata.csv",
    "anchors.csv",
    "anchor_strata.csv",
    "error_classes.csv",
    "calibration.csv",
    "abstaining.csv",
    "audit.json",
)
"""Files of a test that are committed, besides its metrics: all but the rows."""
OUTCOME_WORDS = {"invalid": "not read: a name by OPSIN, a SMILES as a molecule"}
"""What outcomes are called where one table has names and molecules."""
GOING_ON = """Each run after the first started from the weights of the previous run, not from those that ship now:
`git log lightning_modules/flagship` has them, and the configuration as it was. The first two learned both directions.
"""


def describe(
    done: Pretraining,
    runs: Sequence[Mapping[str, Any]],
    test: Mapping[str, Any],
    strata: Sequence[Mapping[str, str]],
    others: Sequence[Mapping[str, str]],
    use: str = "",
    textbook: Sequence[Mapping[str, Any]] = (),
    part: Part = PARTS["names"],
    other_source: Mapping[str, Any] | None = None,
) -> str:
    """Return the model card.

    Args:
        done: The last run up to the exported weights.
        runs: The history of runs, the last one included.
        test: The `test` section of `summary.json` from the test of the exported weights.
        strata: The lines of the test's `strata.csv`.
        others: The lines of its `anchor_strata.csv`.
        use: How the weights are asked, with an example.
        textbook: The lines of docs/results/textbook.jsonl about these weights.
        part: Which weights they are.
        other_source: The line of docs/results/flagship/external.jsonl about them.
    """
    data, trained_on = done.config["data"], done.report["rows"]["train"]
    going_on = GOING_ON if len(runs) > 1 else ""
    seen = sum(run["steps"] * run["rows_a_step"] for run in runs)
    return f"""---
{make_flagship_head(Tested.of(test["tasks"], done.report["sources"]))}
---

# {part.title}

{_siblings(part)}
The [bundled base]({part.to_project}lightning_modules/bundled/README.md) of 6.2M parameters, fine-tuned on {part.task}
(format `{data["format"]}`; [formats]({part.to_project}docs/results/format.md) hardly differ), on CPU cores that were shared with
other work:

{tabulate(runs)}
{going_on}In all that is {seen:,} rows; the last run drew its rows from {trained_on:,}. The flagship is the default model of
`python train.py predict --data.predict_path FILE` and of the demo page. Its weights are in fp16, and all numbers here were
measured with them.

{use}
{"" if other_source is None else external.describe(other_source)}
## Test results

On all test rows (hash split by connectivity; neither the model nor its base has seen them) except for {test["rows_set_aside"]:,}
that are longer than {ASKED["max_length"]} tokens{", and of names only the conventional ones" if part.name == "names" else ""};
greedy decoding.
*Right* also counts other spellings and names of the same molecule, as read by OPSIN. *Well-formed* is what
the notation's own check says of the text; whether OPSIN reads a name stands in the table of outcomes below.

{_results(test)}
OPSIN has a head start: all names are ones that it reads as their molecule, since the pairs were verified that way. openclatura
writes names in another style, so few match the string exactly. No test molecule is in the training rows, so
the nearest one's name is right at most by chance; *nearest training 1* below means other molecules with the same fingerprint
(such as homologues). The split treats salts, ions and the free form of a molecule as different molecules; the lines *parent in
training* below give the scores of test molecules with and without such a form in the training rows. Results of the audit:

{_audit(test)}

{_outcomes(test)}
{_textbook(textbook, part)}## By kind of molecule

Shares of exact and of right answers, with 95 % Wilson intervals, and the share of right answers of each baseline.

{_strata(strata, others)}
## Limitations

It was trained on the training split, nine tenths of 112,450 molecules of PubChem, the wwPDB's dictionary and B3DB with their
names, and on [names that rules made]({part.to_project}docs/made_data.md) from those. It is a small model: rules
([openclatura](https://pypi.org/project/openclatura), OPSIN) are right far more often where they apply. Check its
probability (`predict` writes it), and read names back before you rely on one.

## Licence

Apache-2.0 for the weights, as for Patois; the pairs have their own licences
(datamodules/sources/data/PROVENANCE.md).
"""


def _siblings(part: Part) -> str:
    """Return where the weights for the other tasks are."""
    [other] = [one for one in PARTS.values() if one.name != part.name]
    link = f"{part.to_project}{other.folder.relative_to(FLAGSHIP.parents[1])}/README.md"
    return f"One of two sets of weights that ship; the other one answers [{other.task}]({link})."


class Tested(NamedTuple):
    """The results of a test as the code of a run's card takes them."""

    task_names: list[str]
    report: dict[str, Any]
    metrics: dict[str, float]

    @staticmethod
    def of(tasks: Mapping[str, Mapping[str, float]], sources: Mapping[str, int]) -> Tested:
        """Return the results of some tasks.

        Args:
            tasks: The metrics of each task, as in docs/results/flagship/test/metrics.json.
            sources: The number of rows of each source.
        """
        metrics = {
            f"test/{task}/{name}": value for task, found in tasks.items() for name, value in found.items()
        }
        return Tested(list(tasks), {"sources": dict(sources)}, metrics)


def make_flagship_head(tested: Tested) -> str:
    """Return the head of the card, without its rules."""
    results, kinds = list_results(tested, tested.metrics)
    base = BUNDLED.name
    licence = Licence("apache-2.0", None, "")
    name = f"Patois {FLAGSHIP.name}"
    return str(make_head(tested.task_names, tested.report["sources"], base, licence, results, kinds, name))


def describe_asking(folder: Path, text: str) -> str:
    """Return how the weights in a folder are asked, with their own answer to a text."""
    asking = load_asking(folder)
    assert asking is not None, "the export of a run tells how it is asked"
    tokenizer = load_tokenizer(str(folder))
    decoder: Any = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32
    )  # answers as the card's code does
    task = asking.tasks[0]
    prompt = asking.encode(tokenizer, task, [text]).prompt(0).tolist()
    made = decoder.generate(torch.tensor([prompt]))[0, len(prompt) :]
    prompted, answer = (
        tokenizer.decode(ids, skip_special_tokens=skip) for ids, skip in ((prompt, False), (made, True))
    )
    card = Card({}, (str(prompted), str(answer)), (task.name, text), why_no_gguf=why_no_gguf(folder))
    return describe_use(asking, card, "this project's documentation")


def _results(test: Mapping[str, Any]) -> str:
    lines = []
    for task, metrics in test["tasks"].items():
        lines.append(result_cells(f"**{task}**", metrics))
        lines += [result_cells(one["system"], one) for one in test["anchors"] if one["task"] == task]
    return as_table(
        ("task, or baseline on the same rows", "exact match (95 %)", "right (95 %)", "well-formed", "rows"),
        lines,
    )


def _audit(test: Mapping[str, Any]) -> str:
    return "".join(f"- {describe_audit(task, count)}.\n" for task, count in test.get("audit", {}).items())


def _outcomes(test: Mapping[str, Any]) -> str:
    tasks = test["tasks"]
    return as_table(
        ("outcome", *tasks),
        [
            (words, *(f"{100 * metrics.get(f'outcome_{name}', 0.0):.1f} %" for metrics in tasks.values()))
            for name, words in {**OUTCOMES, **OUTCOME_WORDS}.items()
        ],
    )


def _textbook(lines: Sequence[Mapping[str, Any]], part: Part) -> str:
    """Return what the weights know of the molecules that everybody knows, if that was measured."""
    if not lines:
        return ""
    what = f"[200 molecules of a first textbook]({part.to_project}docs/results/textbook.md), most of them trained on"
    shares = "; ".join(
        f"{line['task']} {100 * line['right']:.1f} % right ({100 * line['right_low']:.1f} to {100 * line['right_high']:.1f})"
        for line in lines
    )
    return f"Of {what}: {shares}.\n\n"


def _strata(strata: Sequence[Mapping[str, str]], others: Sequence[Mapping[str, str]]) -> str:
    """Return one table per task: the model's shares and the baselines' shares of right answers in each stratum."""
    shares = {
        (
            line["task"],
            line["stratum"],
            line["bin"],
            line["system"],
        ): f"{100 * float(line['share_right']):.1f} %"
        for line in others
    }
    parts = []
    for task in dict.fromkeys(line["task"] for line in strata):
        systems = list(dict.fromkeys(line["system"] for line in others if line["task"] == task))
        table = as_table(
            (task, "", "rows", "exact match (95 %)", "right (95 %)", *(f"right: {system}" for system in systems)),
            [
                (line["stratum"].replace("_", " "), line["bin"], line["rows"], _share(line, "exact_match", "low", "high"),
                 _share(line, "share_right", "right_low", "right_high"),
                 *(shares.get((task, line["stratum"], line["bin"], system), "-") for system in systems))
                for line in strata
                if line["task"] == task
            ],
        )  # fmt: skip
        parts.append(table)
    return "\n".join(parts)


def _share(line: Mapping[str, str], *names: str) -> str:
    value, low, high = (f"{100 * float(line[name]):.1f}" for name in names)
    return f"{value} % ({low} to {high})"


def write_card(
    run: Path, test: Path, part: Part, results: Path | None = None, untrained: Path | None = None
) -> str:
    """Write the model card of exported weights, copy the tables behind it, and return the card.

    Args:
        run: The run that the weights come from.
        test: The folder of the run that tested the weights.
        part: Which weights they are.
        results: The folder for the test's tables and the history of runs; default: the part's own.
        untrained: The folder of a run that tested the base without training; default: the card omits it.
    """
    folder, results = part.folder, results or part.results
    tested = _read_test(test)
    # Exported weights no longer know their base, so their `test` could not run it.
    bases = _read_test(untrained)["tasks"] if untrained is not None else {}
    others = [{"task": task, "system": UNTRAINED, **metrics} for task, metrics in bases.items()]
    anchors = {"anchors": [*tested["anchors"], *others]}
    strata, of_others = (read_csv(test / "test" / name) for name in ("strata.csv", "anchor_strata.csv"))
    done = Pretraining.of(run, load_checkpoint(run / "checkpoints" / "best.ckpt"))
    history = add_to_history(done, results / "runs.jsonl")
    lines = [line for line in read_results(TEXTBOOK, TEXTBOOK_PARTS) if line["model"] == FLAGSHIP.name]
    known = {line["task"]: line for line in lines if line["task"] == part.task}
    use = describe_asking(folder, part.example)
    card = describe(
        done,
        history,
        tested | anchors,
        strata,
        of_others,
        use,
        list(known.values()),
        part,
        external.latest(part),
    )
    shutil.rmtree(folder / ".eval_results", ignore_errors=True)
    scores = Tested.of(tested["tasks"], done.report["sources"])
    write_results(folder, scores, scores.metrics)
    (folder / "README.md").write_text(card, encoding="utf-8")
    tables = results / "test"
    tables.mkdir(parents=True, exist_ok=True)
    (tables / "metrics.json").write_text(json.dumps(tested["tasks"], indent=1) + "\n", encoding="utf-8")
    for name in KEPT:
        if (test / "test" / name).is_file():  # without OPSIN and openclatura some are missing
            shutil.copyfile(test / "test" / name, tables / name)
    return card


def _read_test(run: Path) -> dict[str, Any]:
    """Return the test section of a run's summary, with the share of right answers of each task.

    Raises:
        ValueError: If the run has no summary.
    """
    if not (run / "summary.json").is_file():
        raise ValueError(
            f"{run}: expected a run that was tested, but it has no summary.json: `train.py test --name {run.name}`."
        )
    test: dict[str, Any] = json.loads((run / "summary.json").read_text(encoding="utf-8"))["test"]
    for metrics in test["tasks"].values():
        metrics |= estimate_right(metrics)
    return test
