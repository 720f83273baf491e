from __future__ import annotations

from pathlib import Path

import pytest
import torch

from configs.lookup import list_configs
from lightning_modules.decoder.decoders import load_decoder, load_tokenizer, never_generated
from lightning_modules.decoder.vocabulary import add_tokens, read_tokens, vocabulary_rows
from tests.helpers.tiny import ARCHITECTURES, ROWS, VOCABULARY, make_tiny, make_tokenizer, save_tiny

TOKENS = ["[C@@H]", "[nH]", "[O-]"]
MANY = [f"[{number}H]" for number in range(30)]


def save(folder: Path, architecture: str = "llama", *, tied: bool) -> str:
    return save_tiny(folder, architecture, tie_word_embeddings=tied)


@pytest.mark.parametrize("name", list_configs("tokens"))
def test_every_shipped_list_is_read_and_becomes_single_tokens(name: str) -> None:
    tokens = read_tokens(name)
    assert len(tokens) > 50
    tokenizer = make_tokenizer()
    add_tokens(tokenizer, tokens)
    for token in tokens:
        (alone,) = tokenizer(token, add_special_tokens=False)["input_ids"]
        assert alone in tokenizer(f"CC{token}C", add_special_tokens=False)["input_ids"]


def test_text_with_added_tokens_comes_back_as_it_was() -> None:
    tokenizer = make_tokenizer()
    add_tokens(tokenizer, read_tokens("smiles"))
    for text in ("C[C@@H](N)C(=O)[O-]", "c1cc[nH]c1 -> 1H-pyrrole", " [nH] [nH]", "Name this [C@@H]."):
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.decode(ids, skip_special_tokens=True) == text


def test_selfies_are_cut_into_their_symbols() -> None:
    selfies = pytest.importorskip("selfies")
    tokenizer = make_tokenizer()
    add_tokens(tokenizer, read_tokens("selfies"))
    text = selfies.encoder("CC(=O)Oc1ccccc1C(=O)O")
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert [tokenizer.decode([id]) for id in ids] == list(selfies.split_selfies(text))


def test_tokens_as_they_are_a_file_or_none(tmp_path: Path) -> None:
    assert read_tokens(None) == []
    assert read_tokens(TOKENS) == TOKENS
    file = tmp_path / "mine.yaml"
    file.write_text("tokens: ['[nH]', Cl]")
    assert read_tokens(str(file)) == ["[nH]", "Cl"]


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (["a", "b", "a"], "the token 'a' is there twice"),
        (["a", " b"], "without space around them .* but got ' b'"),
        ([""], "but got ''"),
        (
            "smils",
            r"No token is called 'smils' \(configs/tokens has: atoms, selfies, smiles.*Did you mean 'smiles'",
        ),
    ],
)
def test_what_are_no_tokens_is_an_error(tokens: list[str] | str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_tokens(tokens)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("token: [a]", r"one key, `tokens:`, with a list, but got \['token'\]"),
        ("tokens: [[nH]]", r"but got \['nH'\]"),
    ],
)
def test_a_bad_file_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_tokens(str(file))


def test_tokens_that_are_there_already_are_not_new() -> None:
    tokenizer = make_tokenizer()
    assert add_tokens(tokenizer, TOKENS) == [VOCABULARY, VOCABULARY + 1, VOCABULARY + 2]
    assert add_tokens(tokenizer, ["[B-]", *TOKENS]) == [VOCABULARY + 3]


def test_a_tokenizer_that_spoils_text_around_a_new_token_is_an_error() -> None:
    from tokenizers import normalizers

    tokenizer = make_tokenizer()
    spoiled = type(tokenizer)(tokenizer_object=tokenizer._tokenizer, eos_token="</s>")
    spoiled._tokenizer.normalizer = normalizers.Lowercase()
    with pytest.raises(ValueError, match=r"turns 'C\[nH\]C' into 'c\[nH\]c'"):
        add_tokens(spoiled, ["[nH]"])


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_new_rows_are_the_mean_of_the_old_and_the_old_stay(
    architecture: str, tied: bool, tmp_path: Path
) -> None:
    folder = save(tmp_path, architecture, tied=tied)
    base = make_tiny(architecture, tie_word_embeddings=tied)
    decoder = load_decoder(folder, new_tokens=MANY)
    assert vocabulary_rows(decoder) == 320 == len(decoder.get_input_embeddings().weight)
    for grown, was in (
        (decoder.get_input_embeddings().weight, base.get_input_embeddings().weight),
        (decoder.get_output_embeddings().weight, base.get_output_embeddings().weight),
    ):
        assert torch.equal(grown[:VOCABULARY], was[:VOCABULARY])
        mean = was[:VOCABULARY].mean(dim=0).expand(30, -1)  # rows that pad the base's vocabulary do not count
        torch.testing.assert_close(grown[VOCABULARY:], mean)
    assert (decoder.get_input_embeddings().weight is decoder.get_output_embeddings().weight) is tied


def test_rows_that_pad_the_base_are_used_before_it_grows(tmp_path: Path) -> None:
    folder = save(tmp_path, tied=False)
    decoder = load_decoder(folder, new_tokens=TOKENS)
    assert vocabulary_rows(decoder) == ROWS
    mean = (
        make_tiny("llama", tie_word_embeddings=False).get_input_embeddings().weight[:VOCABULARY].mean(dim=0)
    )
    torch.testing.assert_close(decoder.get_input_embeddings().weight[VOCABULARY], mean)


def test_random_weights_stay_random(tmp_path: Path) -> None:
    decoder = load_decoder(save(tmp_path, tied=True), init="random", new_tokens=MANY)
    new = decoder.get_input_embeddings().weight[ROWS:]
    assert vocabulary_rows(decoder) == 320
    assert len(new.unique(dim=0)) == len(new)


@pytest.mark.pitfall(11)
def test_rows_that_pad_the_grown_vocabulary_are_never_generated(tmp_path: Path) -> None:
    folder = save(tmp_path, tied=True)
    tokens = MANY[:20]
    tokenizer = load_tokenizer(folder)
    add_tokens(tokenizer, tokens)
    decoder = load_decoder(folder, new_tokens=tokens)
    expected = [tokenizer.pad_token_id, *range(310, 320)]
    assert never_generated(decoder, tokenizer) == expected
    assert decoder.generation_config.suppress_tokens == expected


def test_an_export_with_added_tokens_is_a_base_that_needs_no_growing(tmp_path: Path) -> None:
    folder = save(tmp_path / "base", tied=True)
    decoder, tokenizer = load_decoder(folder, new_tokens=MANY), load_tokenizer(folder)
    add_tokens(tokenizer, MANY)
    decoder.save_pretrained(tmp_path / "export")
    tokenizer.save_pretrained(tmp_path / "export")
    for tokens in ([], MANY):
        again = load_decoder(str(tmp_path / "export"), new_tokens=tokens)
        assert torch.equal(again.get_input_embeddings().weight, decoder.get_input_embeddings().weight)
