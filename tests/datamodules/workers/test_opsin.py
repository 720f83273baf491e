from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from rdkit import Chem

from datamodules.workers import opsin
from datamodules.workers.opsin import Reading, classify, jar_path, read_names, run_batch, why_unavailable
from tests.helpers.fake_opsin import FakeJava, fake_opsin, forgetting, need_opsin, no_java

MEANINGS = {"ethanol": "C(C)O", "sodium acetate": "C(C)(=O)[O-].[Na+]"}


def test_opsin_gives_one_answer_and_its_words_about_each_name():
    with fake_opsin(MEANINGS) as java:
        answers = run_batch(["ethanol", "bad", "vague", "worse"], "smi")
    assert [meaning for meaning, _ in answers] == ["C(C)O", "", "CC", ""]
    assert [words.split(" is ")[0].split(": ")[0] for _, words in answers] == [
        "",
        "bad",
        "APPEARS_AMBIGUOUS",
        "worse",
    ]
    assert len(java.batches) == 1


def test_opsin_messages_that_cannot_be_told_apart_are_left_out():
    with fake_opsin(MEANINGS) as java:

        def silent(*args, **options):
            done = FakeJava.__call__(java, *args, **options)
            return subprocess.CompletedProcess(done.args, 0, done.stdout, b"Something else altogether\n")

        opsin.subprocess.run = silent
        assert run_batch(["bad", "ethanol"], "smi") == [("", ""), ("C(C)O", "")]


def test_words_of_java_itself_cost_no_other_words():
    with fake_opsin(MEANINGS) as java:

        def talkative(*args, **options):
            done = FakeJava.__call__(java, *args, **options)
            return subprocess.CompletedProcess(
                done.args, 0, done.stdout, b"Picked up\n" + done.stderr + b"options\n"
            )

        opsin.subprocess.run = talkative
        assert run_batch(["ethanol", "bad"], "smi") == [
            ("C(C)O", ""),
            ("", "bad is unparsable due to the following being uninterpretable: bad"),
        ]


def test_opsin_warning_belongs_to_its_name():
    meanings = {
        "vague one": "CC",
        "rac": "CC(O)F |$_AV:1;r,&1:2$,r|",
        "rel": "CC(O)F |o1:1,2|",
        "and": "CC(O)F |&1:1|",
    }
    with fake_opsin({**MEANINGS, **meanings, "plain": "CC |$_AV:Cl;r,o1:$|"}) as java:
        names = [
            "ethanol",
            "bad",
            "vague one",
            "bad",
            "rac",
            "rel",
            "and",
            "plain",
            "sodium acetate",
            "vague",
        ]
        readings = read_names(names)
    assert [reading.warning for reading in readings] == [
        None, None, opsin.AMBIGUOUS, None, *[opsin.RELATIVE_STEREO] * 3, None, None, opsin.AMBIGUOUS,
    ]  # fmt: skip
    assert readings[4].smiles == "CC(O)F"
    assert readings[2].message == "APPEARS_AMBIGUOUS: Connection of eth to ane"
    assert java.outputs == ["extendedsmi"]


def test_name_that_never_ends_costs_itself_only():
    with fake_opsin(MEANINGS):
        readings = read_names(["ethanol", "slow", "vague", "bad"])
    assert [reading.smiles for reading in readings] == ["C(C)O", None, "CC", None]
    assert [reading.reason for reading in readings] == [None, "timeout", None, "unknown name part"]


def test_name_that_ends_the_parser_costs_itself_only():
    with fake_opsin(MEANINGS):
        with pytest.raises(RuntimeError, match=r"OPSIN answered 1 lines for 2 names \(exit 0\)"):
            run_batch(["ethanol", "lost"], "smi")
        readings = read_names(["ethanol", "lost", "vague"])
    assert [(reading.smiles, reading.reason) for reading in readings] == [
        ("C(C)O", None),
        (None, "crashed"),
        ("CC", None),
    ]


@pytest.mark.parametrize(
    "name", ["", "  ", "a\nb", "a\rb", "a\u2028b", "x" * 1001, "\ud800thane", "(", "123", "eth\0ane"]
)
def test_opsin_is_never_asked_what_is_no_line_of_text(name):
    with fake_opsin(MEANINGS) as java:
        first, second = read_names([name, "ethanol"])
    assert first.smiles is None
    assert first.reason
    assert second == Reading("C(C)O", None)
    assert java.batches == [["ethanol"]]


def test_opsin_is_asked_each_tidied_name_once():
    with fake_opsin(MEANINGS) as java:
        readings = read_names(["ethanol", " ethanol ", "sodium;acetate", "ethanol"])
    assert java.batches == [["ethanol", "sodium acetate"]]
    assert [reading.smiles for reading in readings] == ["C(C)O", "C(C)O", "C(C)(=O)[O-].[Na+]", "C(C)O"]


def test_opsin_without_names_starts_no_java():
    with fake_opsin(MEANINGS) as java:
        assert read_names([]) == []
    assert java.batches == []


def test_missing_opsin_has_a_reason(monkeypatch):
    with no_java():
        assert why_unavailable() == "Java is not installed"
    with forgetting():
        monkeypatch.setattr(opsin, "shutil", SimpleNamespace(which=lambda _: "/usr/bin/java"))
        monkeypatch.setattr(opsin, "find_spec", lambda _: None)
        assert "Expected the package py2opsin, but it is not installed: pip install" in (
            why_unavailable() or ""
        )
        with pytest.raises(ValueError, match="Expected the package py2opsin"):
            jar_path()


def test_broken_java_counts_as_missing():
    with fake_opsin({}) as java:
        java.meanings["methane"] = ""
        assert why_unavailable() == "OPSIN reads methane as ''"
    with fake_opsin({}):

        def broken(*_, **__):
            raise OSError("Exec format error")

        opsin.subprocess.run = broken
        assert why_unavailable() == "Exec format error"
    with fake_opsin({}):
        assert why_unavailable() is None


def test_java_is_asked_once_for_each_java_and_jar(tmp_path, monkeypatch):
    monkeypatch.setenv("PATOIS_CACHE", str(tmp_path / "cache"))
    java_file, jar = tmp_path / "java", tmp_path / "opsin.jar"
    java_file.touch()
    jar.touch()

    def ask() -> list[list[str]]:
        with fake_opsin({}) as java, pytest.MonkeyPatch.context() as patch:
            patch.setattr(opsin.shutil, "which", lambda _: str(java_file))
            patch.setattr(opsin, "jar_path", lambda: jar)
            assert why_unavailable() is None
        return java.batches

    assert ask() == [["methane"]]
    assert ask() == []
    jar.write_text("another")
    assert ask() == [["methane"]]
    assert ask() == []
    (tmp_path / "cache" / opsin.PROOF).write_bytes(b"\xff")
    assert ask() == [["methane"]]


def test_a_java_that_does_not_work_is_asked_again(tmp_path, monkeypatch):
    monkeypatch.setenv("PATOIS_CACHE", str(tmp_path))
    for _ in range(2):
        with fake_opsin({}) as java, pytest.MonkeyPatch.context() as patch:
            java.meanings["methane"] = ""
            patch.setattr(opsin, "jar_path", lambda: Path(__file__))
            assert why_unavailable() == "OPSIN reads methane as ''"
            assert java.batches == [["methane"]]
    assert list(tmp_path.iterdir()) == []


@need_opsin()
@pytest.mark.parametrize(
    ("name", "smiles"),
    [
        ("L-alanine", "C[C@H](N)C(=O)O"),
        ("\u03b1-D-glucopyranose", "OC[C@H]1O[C@H](O)[C@H](O)[C@@H](O)[C@@H]1O"),
    ],
)
def test_real_opsin_reads_stereo_and_greek_letters(name, smiles):
    [reading] = read_names([name])
    assert reading.smiles
    assert Chem.CanonSmiles(reading.smiles) == Chem.CanonSmiles(smiles)


@need_opsin()
def test_real_opsin_gives_its_reasons_in_order():
    names = ["banana", "ethanol", "chloro(bromo]", "7-methylpropane", "2-chloro(bromo)ethane)", "(E)-ethane"]
    readings = read_names(names)
    assert [reading.reason for reading in readings] == [
        "unknown name part",
        None,
        "unbalanced brackets",
        "locant that fits no atom",
        "unbalanced brackets",
        "stereo that fits no atom",
    ]
    assert "banana" in readings[0].message


@need_opsin()
def test_the_real_parser_says_which_names_leave_something_open():
    expected = {
        "chloronaphthalene": opsin.AMBIGUOUS, "methylpyridine": opsin.AMBIGUOUS, "banana": None, "cresol": opsin.AMBIGUOUS,
        "1-chloronaphthalene": None, "rac-(2R)-butan-2-ol": opsin.RELATIVE_STEREO, "L-alanine": None,
        "rel-(2R,3S)-3-chlorobutan-2-ol": opsin.RELATIVE_STEREO, "DL-alanine": opsin.RELATIVE_STEREO, "xylene": opsin.AMBIGUOUS,
        "(2RS)-butan-2-ol": opsin.RELATIVE_STEREO, "(+)-butan-2-ol": opsin.IGNORED_STEREO, "7-methylpropane": None,
        "(2RS,3SR)-3-chlorobutan-2-ol": opsin.RELATIVE_STEREO, "(2R)-butan-2-ol": None, "dichlorobenzene": opsin.AMBIGUOUS,
    }  # fmt: skip
    readings = read_names(list(expected))
    assert {name: reading.warning for name, reading in zip(expected, readings, strict=True)} == expected
    assert [name for name, one in zip(expected, readings, strict=True) if not one.smiles] == [
        "banana",
        "7-methylpropane",
    ]
    assert all(reading.smiles is None or " " not in reading.smiles for reading in readings)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Atom is in unphysical valency state! Element: N valency: 5", "valence"),
        ("Unmatched ring opening", "unclosed ring"),
        ("Unmatched closing bracket found in :x)", "unbalanced brackets"),
        ("tetrcos should not have been lexed as two tokens!", "unknown name part"),
        ("something new", "not readable by OPSIN"),
        ("", "not readable by OPSIN"),
    ],
)
def test_opsin_messages_are_counted_by_kind(message, kind):
    assert classify(message) == kind


def test_java_leaves_out_its_slow_compiler(monkeypatch):
    """Which took half of the processor time."""
    with fake_opsin(MEANINGS) as java:
        seen = []

        def note(command, **options):
            seen.append(command)
            return FakeJava.__call__(java, command, **options)

        monkeypatch.setattr(opsin, "subprocess", SimpleNamespace(run=note, TimeoutExpired=TimeoutError))
        assert opsin.read_names(["ethanol"])[0].smiles
    assert "-XX:TieredStopAtLevel=1" in seen[0]


@pytest.mark.parametrize("missing", ["java", "py2opsin", None])
def test_installed_is_java_and_the_package(missing: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opsin.shutil, "which", lambda name: None if name == missing else name)
    monkeypatch.setattr(opsin, "find_spec", lambda name: None if name == missing else name)
    assert opsin.is_installed() == (missing is None)
