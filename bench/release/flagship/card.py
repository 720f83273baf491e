"""The model card of shipped weights, from a test of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import AutoModelForCausalLM

from bench.release.bundled import BUNDLED, Pretraining
from bench.release.flagship import external
from bench.release.flagship.card_tables import (
    describe_textbook,
    list_audit,
    tabulate_outcomes,
    tabulate_results,
    tabulate_strata,
)
from bench.release.flagship.history import add_to_history, tabulate
from bench.release.flagship.parts import PARTS, Part
from bench.release.flagship.published import describe_published
from bench.release.flagship.sure import Counts, count_sure, describe_sure
from bench.release.textbook import PARTS as TEXTBOOK_PARTS
from bench.release.textbook import RESULTS as TEXTBOOK
from bench.studies.results import read_results
from callbacks.reports.baselines import UNTRAINED
from callbacks.reports.compare.answers import find_table
from callbacks.reports.export.card_results import list_results
from callbacks.reports.export.hf_folder import why_no_gguf
from callbacks.reports.export.licences import Licence
from callbacks.reports.export.model_card import Card, describe_use, make_head
from callbacks.reports.hf_export import write_results
from callbacks.rows.outcomes import estimate_right
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
SURE = "sure.json"
"""How right the answers above each probability are."""
GOING_ON = """The shares of right answers (greedy) are those of the weights after each run, of names in all styles after the
first two. Each run after the first started from the weights of the previous run, not from those that ship now: `git log
lightning_modules/flagship` has them, and the configuration as it was. The first two learned both directions.
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
    sure: Counts = (),
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
        sure: How right the test's answers are above each probability.
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
{"" if other_source is None else external.describe(other_source)}{_sure(sure, other_source)}
## Test results

On all test rows (hash split by connectivity; neither the model nor its base has seen them) except for {test["rows_set_aside"]:,}
that are longer than {ASKED["max_length"]} tokens{", and of names only the conventional ones" if part.name == "names" else ""};
greedy decoding.
*Right* also counts other spellings and names of the same molecule, as read by OPSIN. *Well-formed* is what
the notation's own check says of the text; whether OPSIN reads a name stands in the table of outcomes below.

{tabulate_results(test)}
OPSIN has a head start: all names are ones that it reads as their molecule, since the pairs were verified that way. openclatura
writes names in another style, so few match the string exactly. No test molecule is in the training rows, so
the nearest one's name is right at most by chance; *nearest training 1* below means other molecules with the same fingerprint
(such as homologues). The split treats salts, ions and the free form of a molecule as different molecules; the lines *parent in
training* below give the scores of test molecules with and without such a form in the training rows. Results of the audit:

{list_audit(test)}

{tabulate_outcomes(test)}
{describe_textbook(textbook, part)}## By kind of molecule

Shares of exact and of right answers, with 95 % Wilson intervals, and the share of right answers of each baseline.

{tabulate_strata(strata, others)}
{describe_published(part)}
## Limitations

It was trained on the training split, nine tenths of 112,450 molecules of PubChem, the wwPDB's dictionary and B3DB with their
names, and on [names that rules made]({part.to_project}docs/made_data.md) from those. It is a small model: rules
([openclatura](https://pypi.org/project/openclatura), OPSIN) are right far more often where they apply. Check its
probability (`predict` writes it), and read names back before you rely on one.

## Licence

Apache-2.0 for the weights, as for Patois; the pairs have their own licences
(datamodules/sources/data/PROVENANCE.md).
"""


def _sure(own: Counts, other_source: Mapping[str, Any] | None) -> str:
    """Return which answers can be trusted, if both tests have been counted."""
    other = (other_source or {}).get("sure")
    return f"## Which answers to trust\n\n{describe_sure(own, other)}\n" if own and other else ""


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
    other_source = external.latest(part)
    right = {"right": tested["tasks"][part.task]["right"]}
    if other_source is not None:
        right["right_elsewhere"] = other_source["right"]
    history = add_to_history(done, results / "runs.jsonl", right)
    lines = [line for line in read_results(TEXTBOOK, TEXTBOOK_PARTS) if line["model"] == FLAGSHIP.name]
    sure = count_sure(find_table(test)[0])
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
        other_source,
        sure,
    )
    shutil.rmtree(folder / ".eval_results", ignore_errors=True)
    scores = Tested.of(tested["tasks"], done.report["sources"])
    write_results(folder, scores, scores.metrics)
    (folder / "README.md").write_text(card, encoding="utf-8")
    tables = results / "test"
    tables.mkdir(parents=True, exist_ok=True)
    (tables / "metrics.json").write_text(json.dumps(tested["tasks"], indent=1) + "\n", encoding="utf-8")
    (tables / SURE).write_text(json.dumps(sure) + "\n", encoding="utf-8")
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
