from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cli.commands import recombined
from cli.commands.recombined import RECIPES, main
from datamodules.making import chunks
from datamodules.making.chunks import read_provenance
from tests.helpers.fake_opsin import fake_opsin, no_java
from tests.helpers.toy_recipe import Toy


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATOIS_CACHE", str(tmp_path))
    monkeypatch.setitem(RECIPES, "names", Toy)
    monkeypatch.setitem(RECIPES, "reactions", Toy)
    return tmp_path


def test_rows_lie_where_the_source_finds_them_and_a_line_says_how_to_train(
    toy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with fake_opsin({}):
        main(["--rows", "300", "--processes", "1"])
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 2
    assert out[0].startswith("300 rows of ")
    assert out[0].endswith(str(toy / "recombined.parquet"))
    assert out[1].endswith("python train.py fit --data.task iupac_to_smiles:1,made_to_smiles:1")
    assert len(pq.read_table(toy / "recombined.parquet")) == 300
    assert read_provenance(toy / "recombined.parquet")["seed"] == 0


def test_what_is_made_is_not_made_again(
    toy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with fake_opsin({}):
        main(["--rows", "20", "--processes", "1"])
        monkeypatch.setattr(recombined, "make_rows", None)
        main(["--rows", "20", "--processes", "1"])
        assert "holds these 20 rows already" in capsys.readouterr().out
        with pytest.raises(TypeError):
            main(["--rows", "20", "--processes", "1", "--seed", "1"])


def test_another_file_and_another_recipe_say_how_to_train_on_them(
    toy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with fake_opsin({}):
        main(["--rows", "20", "--processes", "1", "--output", str(toy / "my.parquet")])
    assert f"write `source: {toy / 'my.parquet'}` there" in capsys.readouterr().out
    with no_java():  # reactions need no OPSIN
        main(["--rows", "20", "--processes", "1", "--recipe", "reactions"])
    assert (
        f"--data.task reactants_to_product --data.source {toy / 'made_reactions.parquet'}"
        in capsys.readouterr().out
    )


def test_without_java_one_line_says_what_to_install(toy: Path) -> None:
    with (
        no_java(),
        pytest.raises(ValueError, match=r"^Expected OPSIN to read the names, .* install Java .*\.$"),
    ):
        main(["--rows", "20", "--processes", "1"])
    assert not list(toy.iterdir())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rows", "0"], "Expected --rows to be 1 or more, but got 0"),
        (["--processes", "0"], "Expected --processes to be 1 or more, but got 0"),
        (["--seed", "-1"], "Expected --seed to be 0 or more, but got -1"),
        (["--output", "my.csv"], r"Expected --output to end with \.parquet, but got 'my\.csv'"),
    ],
)
def test_values_that_cannot_work_are_refused(words: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        main(words)


def test_progress_is_told_now_and_then(
    toy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recombined, "_TELL_S", 0.0)
    with fake_opsin({}):
        main(["--rows", str(chunks.CHUNK), "--processes", "1"])
    assert f"of {chunks.CHUNK:,} rows (1 chunks in " in capsys.readouterr().err


def test_molecules_of_ones_own_are_held_out(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path | None] = []

    def make(further: Path | None = None) -> Toy:
        asked.append(further)
        return Toy()

    monkeypatch.setitem(RECIPES, "reactions", make)
    monkeypatch.chdir(toy)
    words = ["--recipe", "reactions", "--rows", "20", "--processes", "1", "--output", "made.parquet"]
    (toy / "mine.csv").write_text("smiles\nCCO\n")
    main([*words, "--held-out", "mine.csv"])
    assert set(asked) == {toy / "mine.csv"}
    with pytest.raises(ValueError, match=r"No source .*gone.csv"):
        main([*words, "--held-out", "gone.csv"])
