"""No text of a cell becomes a control token, in whatever way a tokenizer declares it."""

from __future__ import annotations

from typing import Any

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import AddedToken, PreTrainedTokenizerFast

from configs.lookup import CONFIGS, load_yaml
from datamodules.storage.text_columns import as_strings
from datamodules.tokens.control_tokens import find_control_tokens

TEMPLATE = (
    "{% for m in messages %}{{ '<|start|>' + m['role'] + '\\n' }}[INST] {{ m.content }} [/INST]"
    '{{ "<think>" }}<end_of_turn>{% if m.a < 3 and 4 > m.b %}x{% endif %}{% endfor %}'
)


def byte_level(normalizer: Any = None) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE({c: i for i, c in enumerate(pre_tokenizers.ByteLevel.alphabet())}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    return tokenizer


def words(*vocabulary: str) -> Tokenizer:
    tokenizer = Tokenizer(
        models.WordLevel({word: i for i, word in enumerate(vocabulary)}, unk_token=vocabulary[0])
    )
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer


def wrap(tokenizer: Tokenizer, **options: Any) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", **options)


def holds(tokenizer: Any, text: str, chat: bool = False) -> bool:
    return bool(find_control_tokens(tokenizer, chat).find(as_strings([text])))


def test_special_tokens_of_every_role() -> None:
    tokenizer = wrap(byte_level(), pad_token="<pad>", additional_special_tokens=["<|im_end|>"])
    for token in ("</s>", "<pad>", "<|im_end|>"):
        assert holds(tokenizer, f"a{token}b")
    assert not holds(tokenizer, "a < b > c </t> [PAD]")


def test_tokens_that_are_special_without_a_role() -> None:
    tokenizer = wrap(byte_level())
    tokenizer.add_tokens([AddedToken("<reserved_1>", special=True)])
    tokenizer.backend_tokenizer.add_special_tokens(["<|raw|>"])
    for token in ("<reserved_1>", "<|raw|>"):
        assert token not in tokenizer.all_special_tokens
        assert holds(tokenizer, f"a {token}")


def test_added_tokens_that_are_not_called_special() -> None:
    tokenizer = wrap(byte_level(), chat_template=TEMPLATE)
    tokenizer.add_tokens(
        [AddedToken(token, special=False) for token in ("<think>", "<|fim|>", "<high>", "[C@@H]", "Cl")]
    )
    assert holds(tokenizer, "<think>")  # it stands in the template
    assert holds(tokenizer, "<|fim|>")
    for token in ("<high>", "[C@@H]", "Cl"):  # as `--model.add_tokens` adds them, for cells
        assert not holds(tokenizer, token)


@pytest.mark.parametrize("name", sorted(path.name for path in (CONFIGS / "tokens").glob("*.yaml")))
def test_tokens_that_are_added_for_cells_stay_text(name: str) -> None:
    tokenizer = wrap(byte_level(), chat_template=TEMPLATE)
    tokens = load_yaml(CONFIGS / "tokens" / name)["tokens"]
    tokenizer.add_tokens([AddedToken(token, normalized=False, special=False) for token in tokens])
    assert not find_control_tokens(tokenizer, chat=True).find(as_strings(tokens))


@pytest.mark.parametrize(
    ("normalizer", "text"),
    [(normalizers.Lowercase(), "<|STOP|>"), (normalizers.NFKC(), "\uff1c|stop|\uff1e")],
)
def test_texts_that_a_normalizer_makes_a_control_token(normalizer: Any, text: str) -> None:
    tokenizer = wrap(byte_level(normalizer))
    tokenizer.add_tokens([AddedToken("<|stop|>", special=True, normalized=True)])
    stop = tokenizer.convert_tokens_to_ids("<|stop|>")
    assert stop in tokenizer(text, add_special_tokens=False)["input_ids"]
    assert holds(tokenizer, text)
    assert find_control_tokens(tokenizer).describe()[2]


def test_control_tokens_of_the_vocabulary_alone() -> None:
    tokenizer = wrap(words("<unk>", "[SEP]", "a", "</s>"))
    assert holds(tokenizer, "a [SEP] a")
    assert not holds(wrap(byte_level()), "a [SEP] a")  # as bytes it is text


def test_markers_of_the_chat_template_count_where_prompts_are_chats() -> None:
    tokenizer = wrap(byte_level(), chat_template=TEMPLATE)
    for marker in ("[INST]", "[/INST]", "<|start|>", "<end_of_turn>", "<think>"):
        assert holds(tokenizer, f"x {marker}", chat=True)
        assert not holds(tokenizer, f"x {marker}", chat=False)
    assert not holds(tokenizer, "role 3 and 4", chat=True)


def test_one_character_is_text_unless_it_is_the_stop_token() -> None:
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=byte_level(), eos_token="\n", pad_token="!")
    assert holds(tokenizer, "a\nb")
    assert not holds(tokenizer, "a!")


@pytest.mark.parametrize("chat", [False, True])
def test_what_is_not_found_encodes_to_no_control_token(chat: bool) -> None:
    tokenizer = wrap(
        byte_level(normalizers.NFKC()), additional_special_tokens=["<|a|>"], chat_template=TEMPLATE
    )
    tokenizer.add_tokens(
        [AddedToken("<b>", special=True, normalized=True), AddedToken("<c>", special=True, lstrip=True)]
    )
    special = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    texts = [
        "<|a|>",
        "<b>",
        " <c>",
        "\uff1cb\uff1e",
        "\uff1c|a|\uff1e",
        "<",
        "b>",
        "<d>",
        "< b>",
        "</s",
        "x</s>y",
    ]
    found = find_control_tokens(tokenizer, chat).find(as_strings(texts))
    for number, text in enumerate(texts):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert (number in found) == bool(special & set(ids)), text
