"""Make lightning_modules/flagship from a run, and its model card from a test of the exported weights.

`python -m bench.release.flagship export --run runs/flagship` writes the best weights in fp16; then
`python train.py test --config configs/flagship.yaml --model.base flagship --name flagship-test`; then
`python -m bench.release.flagship card --run runs/flagship --test runs/flagship-test`. `make flagship` does all of
it, and tests the base without training, for `--untrained`.

A run from `--model.base flagship` continues from the weights that ship. docs/results/flagship/runs.jsonl has one line for each
such run, back to the one that started from another base.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import AutoModelForCausalLM

from bench.markdown import DOCS, as_table
from bench.release.bundled import BUNDLED, Pretraining
from bench.release.textbook import PARTS
from bench.release.textbook import RESULTS as TEXTBOOK
from bench.studies.results import append_result, read_results
from callbacks.reports.audit_report import describe_audit
from callbacks.reports.baselines import UNTRAINED
from callbacks.reports.end_table import format_seconds, result_cells
from callbacks.reports.export.card_results import list_results
from callbacks.reports.export.hf_folder import make_portable, why_no_gguf
from callbacks.reports.export.licences import Licence
from callbacks.reports.export.model_card import Card, describe_use, make_head
from callbacks.reports.hf_export import write_results
from callbacks.rows.outcomes import OUTCOMES, estimate_right
from callbacks.run.run_facts import load_checkpoint
from datamodules.rows.training_record import FILE
from datamodules.storage.safe_csv import read_csv
from datamodules.texts.asking import load_asking
from lightning_modules.decoder.bases import FLAGSHIP
from lightning_modules.decoder.decoders import load_decoder, load_tokenizer

MOST_BYTES = 64_000_000
"""Limit for the shipped weights: the flagship and the bundled base."""
RESULTS = DOCS / "results" / "flagship"
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
`git log lightning_modules/flagship` has them.
"""


def export(run: Path, folder: Path = FLAGSHIP) -> None:
    """Copy a run's Hugging Face folder, with its weights in fp16.

    fp16 and not bf16: the weights are small numbers, for which fp16 keeps three more bits.

    Raises:
        ValueError: If the run has not ended, or the shipped files would be too large.
    """
    source = run / "hf"
    if not (source / "config.json").is_file():
        raise ValueError(f"{run}: expected a run that has ended, but it has no hf/config.json.")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(
        source, folder, ignore=shutil.ignore_patterns("README.md", ".eval_results", "*.safetensors")
    )
    load_decoder(str(source)).half().save_pretrained(folder)
    shutil.copyfile(source / "generation_config.json", folder / "generation_config.json")
    asking = load_asking(source)
    assert asking is not None, "the export of a run tells how it is asked"
    settings = json.loads((source / "generation_config.json").read_text(encoding="utf-8"))
    make_portable(folder, load_tokenizer(str(source)), asking, settings["max_new_tokens"])
    shutil.copyfile(run / FILE, folder / FILE)  # so that a test knows the rows of all its training
    size = sum(path.stat().st_size for place in (folder, BUNDLED) for path in place.iterdir())
    if size > MOST_BYTES:
        raise ValueError(
            f"{folder}: expected at most {MOST_BYTES:,} bytes with {BUNDLED}, but it is {size:,}."
        )


def add_to_history(done: Pretraining, path: Path) -> list[dict[str, Any]]:
    """Add a run to the history of the weights, unless it is there; return the history, oldest first.

    Args:
        done: The run up to the exported weights.
        path: A JSONL file with one line per run. A run from another base than the flagship starts it anew.

    Raises:
        ValueError: If a run continued from the flagship and the file of the earlier runs is missing.
    """
    config = done.config
    run = {
        "base": config["model"]["base"], "epochs": config["trainer"]["max_epochs"], "seed": config["seed_everything"],
        "precision": str(config["trainer"]["precision"]), "steps": done.steps, "rows_a_step": config["data"]["batch_size"],
        "tokens": done.tokens, "seconds": round(done.seconds),
    }  # fmt: skip
    if run["base"] != FLAGSHIP.name and Path(run["base"]).resolve() != FLAGSHIP:
        path.unlink(missing_ok=True)
    elif not path.is_file():
        raise ValueError(
            f"{path}: expected the runs behind the weights that this one started from, but the file is missing."
        )
    if run not in read_results(path, parts={}):
        append_result(path, run)
    return read_results(path, parts={})


def describe(
    done: Pretraining,
    runs: Sequence[Mapping[str, Any]],
    test: Mapping[str, Any],
    strata: Sequence[Mapping[str, str]],
    others: Sequence[Mapping[str, str]],
    use: str = "",
    textbook: Sequence[Mapping[str, Any]] = (),
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
    """
    data, trained_on = done.config["data"], done.report["rows"]["train"]
    going_on = GOING_ON if len(runs) > 1 else ""
    seen = sum(run["steps"] * run["rows_a_step"] for run in runs)
    return f"""---
{make_flagship_head(Tested.of(test["tasks"], done.report["sources"]))}
---

# The flagship: structures to names and back

The [bundled base](../bundled/README.md) of 6.2M parameters, fine-tuned on {" and ".join(test["tasks"])}
(format `{data["format"]}`, the shortest that distinguishes tasks: [formats](../../docs/results/format.md) hardly differ), on CPU
cores that were shared with other work:

{_history(runs)}
{going_on}That is {seen / trained_on:.1f} passes over {trained_on:,} rows. The flagship is the default model of
`python train.py predict --data.predict_path FILE` and of the demo page. Its weights are in fp16, and all numbers here were
measured with them.

{use}
## Test results

On all test rows (hash split by connectivity; neither the model nor its base has seen them) except for {test["rows_set_aside"]:,}
that are longer than {data["max_length"]} tokens (both directions together); greedy decoding.
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
{_textbook(textbook)}## By kind of molecule

Shares of exact and of right answers, with 95 % Wilson intervals, and the share of right answers of each baseline.

{_strata(strata, others)}
## Limitations

It was trained on the training split, nine tenths of 112,450 molecules of PubChem, the wwPDB's dictionary and B3DB, and their
names. It is a small model: rules
([openclatura](https://pypi.org/project/openclatura), OPSIN) are right far more often where they apply. Check its
probability (`predict` writes it), and read names back before you rely on one.

## Licence

Apache-2.0 for the weights, as for Patois; the pairs have their own licences
(datamodules/sources/data/PROVENANCE.md).
"""


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


def describe_asking(folder: Path, text: str = "CCO") -> str:
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


def _history(runs: Sequence[Mapping[str, Any]]) -> str:
    return as_table(
        ("run", "steps", "tokens", "precision", "time"),
        [
            (
                f"`python train.py fit --config configs/flagship.yaml --model.base {run['base']} "
                f"--trainer.max_epochs {run['epochs']} --seed_everything {run['seed']}`",
                f"{run['steps']:,} of {run['rows_a_step']} rows", f"{run['tokens']:,}", run["precision"],
                format_seconds(run["seconds"]),
            )
            for run in runs
        ],
    )  # fmt: skip


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


def _textbook(lines: Sequence[Mapping[str, Any]]) -> str:
    """Return what the weights know of the molecules that everybody knows, if that was measured."""
    if not lines:
        return ""
    what = "[200 molecules of a first textbook](../../docs/results/textbook.md), most of them trained on"
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
    run: Path, test: Path, folder: Path = FLAGSHIP, results: Path = RESULTS, untrained: Path | None = None
) -> str:
    """Write the model card of exported weights, copy the tables behind it, and return the card.

    Args:
        run: The run that the weights come from.
        test: The folder of the run that tested the weights.
        folder: The folder of the weights.
        results: The folder for the test's tables and the history of runs.
        untrained: The folder of a run that tested the base without training; default: the card omits it.
    """
    tested = _read_test(test)
    # Exported weights no longer know their base, so their `test` could not run it.
    bases = _read_test(untrained)["tasks"] if untrained is not None else {}
    others = [{"task": task, "system": UNTRAINED, **metrics} for task, metrics in bases.items()]
    anchors = {"anchors": [*tested["anchors"], *others]}
    strata, of_others = (read_csv(test / "test" / name) for name in ("strata.csv", "anchor_strata.csv"))
    done = Pretraining.of(run, load_checkpoint(run / "checkpoints" / "best.ckpt"))
    history = add_to_history(done, results / "runs.jsonl")
    known = {line["task"]: line for line in read_results(TEXTBOOK, PARTS) if line["model"] == folder.name}
    use = describe_asking(folder)
    card = describe(done, history, tested | anchors, strata, of_others, use, list(known.values()))
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


def main(argv: list[str] | None = None) -> None:
    """Export the weights, or write the card."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("what", choices=("export", "card"))
    parser.add_argument("--run", type=Path, required=True, help="folder of the fit, runs/NAME")
    parser.add_argument("--test", type=Path, help="folder of the test of the exported weights")
    parser.add_argument(
        "--untrained", type=Path, help="folder of a test of the base without training, for a line of its own"
    )
    arguments = parser.parse_args(argv)
    if arguments.what == "export":
        export(arguments.run)
    elif arguments.test is None:
        parser.error("card needs --test, the folder of the test of the exported weights")
    else:
        sys.stdout.write(write_card(arguments.run, arguments.test, untrained=arguments.untrained))


if __name__ == "__main__":
    main()
