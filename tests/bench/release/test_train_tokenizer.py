from __future__ import annotations

import re

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from bench.release.train_tokenizer import (
    BUILTIN,
    CONTEXT,
    MOLECULES,
    VOCABULARY,
    build_pre_tokenizer,
    train_tokenizer,
)
from lightning_modules.decoder.decoders import load_decoder, load_tokenizer

ATOM = re.compile(r"\[[^\]]+\]|Cl|Br|%\d\d|.")
LOCANT = re.compile(r"(?:^|(?<=[-,(\[{ ]))\d+(?:[a-h](?![a-z]))?(?=[-,'(])")


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return load_tokenizer("builtin")


@pytest.fixture(scope="module")
def molecules() -> dict[str, list[str]]:
    table = pq.read_table(MOLECULES, columns=["smiles", "iupac", "formula"])
    return table.take(list(range(0, len(table), len(table) // 2000))[:2000]).to_pydict()


def borders(tokenizer: PreTrainedTokenizerBase, text: str) -> set[int]:
    """Where tokens begin and end in an ASCII text."""
    ends, at = {0}, 0
    for token in tokenizer.convert_ids_to_tokens(tokenizer(text, add_special_tokens=False)["input_ids"]):
        at += len(token)  # one character of a byte-level token is one byte
        ends.add(at)
    assert at == len(text)
    return ends


def test_tokens_neither_split_an_atom_nor_join_half_of_one(
    tokenizer: PreTrainedTokenizerBase, molecules: dict[str, list[str]]
) -> None:
    """A token holds whole atoms, or lies within one bracket that was too rare for a token of its own."""
    whole = brackets = 0
    for smiles in molecules["smiles"]:
        cuts = borders(tokenizer, smiles)
        for atom in ATOM.finditer(smiles):
            inside = [cut for cut in cuts if atom.start() < cut < atom.end()]
            if inside:
                assert atom.group().startswith("["), f"{atom.group()} is cut in {smiles}"
                assert {atom.start(), atom.end()} <= cuts
            brackets += atom.group().startswith("[")
            whole += atom.group().startswith("[") and not inside
    assert whole / brackets > 0.95, "common bracket atoms are tokens of their own"


def test_ring_digits_of_smiles_are_single(
    tokenizer: PreTrainedTokenizerBase, molecules: dict[str, list[str]]
) -> None:
    for smiles in molecules["smiles"]:
        cuts = borders(tokenizer, smiles)
        for digit in re.finditer(r"(?<=[A-Za-z\])])\d(?![^\[]*\])", smiles):
            assert {digit.start(), digit.end()} <= cuts, f"{digit.start()} in {smiles}"


def test_locants_of_names_are_whole_pieces(molecules: dict[str, list[str]]) -> None:
    cutter = build_pre_tokenizer()
    seen = 0
    for name in molecules["iupac"]:
        pieces = {span for _, span in cutter.pre_tokenize_str(name)}
        for locant in LOCANT.finditer(name):
            stop = locant.end() + len(re.match("'*", name[locant.end() :]).group())
            seen += 1
            assert (locant.start(), stop) in pieces, f"{locant.group()} in {name}"
    assert seen > 1000


def test_common_locants_are_one_token(tokenizer: PreTrainedTokenizerBase) -> None:
    for locant in ["2", "12", "4a", "1H", "2'"]:
        assert locant in tokenizer.tokenize(f"3-{locant}-methyl")


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("C[C@@H](Cl)c1ccc(Br)cc1", "C [C@@H] ( Cl ) c 1 ccc ( Br ) cc 1"),
        ("[13CH4].[O-][N+](=O)C%12", "[13CH4] . [O-] [N+] ( = O ) C %12"),
        ("CCCl", "CC Cl"),
        ("4a,12-di(1H-pyrrol-2-yl)", "4a , 12 - di ( 1H - pyrrol - 2 - yl )"),
        ("N,N-dimethyl-5alpha-2'-ol", "N , N - dimethyl - 5 alpha - 2' - ol"),
        ("benzo[b][1,3]dioxole", "benzo [b] [ 1 , 3 ] dioxole"),
        ("C17H21NO4", "C 1 7 H 2 1 NO 4"),
        ("[C][=C][Ring1][Branch2][C@@H1]", "[C] [=C] [Ring1] [Branch2] [C@@H1]"),
        ("CCCCCCCC", "CCCCCC CC"),
        ("Name this", "Name Ġthis"),
        ("acetic acid", "acetic Ġacid"),
        (" acid", "Ġ acid"),
    ],
)
def test_pre_tokenizer_splits_smiles_and_names_into_pieces(text: str, pieces: str) -> None:
    assert " ".join(piece for piece, _ in build_pre_tokenizer().pre_tokenize_str(text)) == pieces


@given(st.text())
def test_tokenizer_gives_any_text_back(text: str) -> None:
    tokenizer = load_builtin()
    ids = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text


def load_builtin(cache: list[PreTrainedTokenizerBase] = []) -> PreTrainedTokenizerBase:  # noqa: B006
    if not cache:
        cache.append(AutoTokenizer.from_pretrained(BUILTIN))
    return cache[0]


def test_tokenizer_gives_molecules_back(
    tokenizer: PreTrainedTokenizerBase, molecules: dict[str, list[str]]
) -> None:
    texts = [
        *molecules["smiles"],
        *molecules["iupac"],
        *molecules["formula"],
        " leading",
        "\ttab\n",
        "\u03b1-D-glucose",
    ]
    ids = tokenizer(texts, add_special_tokens=False)["input_ids"]
    assert tokenizer.batch_decode(ids, clean_up_tokenization_spaces=False) == texts


def test_tokenizer_has_special_tokens_and_a_chat_template(tokenizer: PreTrainedTokenizerBase) -> None:
    assert len({tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id}) == 3
    assert tokenizer("CCO")["input_ids"][0] == tokenizer.bos_token_id
    assert tokenizer("CCO")["input_ids"][1:] == tokenizer("CCO", add_special_tokens=False)["input_ids"]
    turns = [{"role": "user", "content": "Name CCO"}]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    assert text == "<|im_start|>user\nName CCO<|im_end|>\n<|im_start|>assistant\n"
    assert tokenizer.tokenize(text)[0] == "<|im_start|>"


def test_training_a_tokenizer_is_deterministic() -> None:
    texts = [f"{n}-methyl-{n + 1}H-pyrrole C{'C' * (n % 7)}[nH]1" for n in range(200)] * 3
    first, second = (train_tokenizer(texts, 330).backend_tokenizer.to_str() for _ in range(2))
    assert first == second


def test_builtin_decoder_is_small_and_fits_its_tokenizer(tokenizer: PreTrainedTokenizerBase) -> None:
    decoder = load_decoder("builtin")
    assert len(tokenizer) == VOCABULARY == decoder.get_input_embeddings().weight.shape[0]
    assert tokenizer.model_max_length == CONTEXT
    assert 5e6 < sum(p.numel() for p in decoder.parameters()) < 10e6
    assert decoder.get_input_embeddings().weight is decoder.get_output_embeddings().weight
