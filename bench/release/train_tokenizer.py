"""Train the tokenizer of the built-in decoder: `python -m bench.release.train_tokenizer`.

`--texts` trains the tokenizer of the bundled decoder instead, on texts of training rows only.

A byte-level BPE, so that any UTF-8 text is recovered exactly. Its pre-tokenizer splits text at chemical boundaries,
and BPE merges only between them: no token has half an atom, half a bracket or half a locant.

The tokenizer reveals nothing about which name belongs to which molecule: the merges depend on how often pieces of
SMILES and of names occur, counted over all rows of all splits.

The files in `builtin/` and `bundled/` are made once and kept, also when phrases or rows change: weights belong to one tokenizer.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from configs.lookup import CONFIGS, PROJECT, load_yaml
from lightning_modules.decoder.bases import BUILTIN

MOLECULES = PROJECT / "datamodules" / "sources" / "data" / "pubchem.parquet"
VOCABULARY = 2048
CONTEXT = 1024
BOS, STOP, PAD, TURN, END_OF_TURN = "<s>", "</s>", "<pad>", "<|im_start|>", "<|im_end|>"
SPECIAL_TOKENS = [PAD, BOS, STOP, TURN, END_OF_TURN]

BRACKET_ATOM = r"\d*[A-Za-z][a-z]?(?:@(?:@|[A-Z]{2}\d+)?)?(?:H\d*)?(?:[+-]+\d*)?(?::\d+)?"
SPACE = r"(?:(?<=[A-Za-z,)\]]) )?"
PIECES = (
    # a bracket atom of SMILES ([C@@H], [13C], [O-]) or of SELFIES ([=O], [Ring1])
    rf"\[[-=#/\\]{{0,2}}(?:(?:Ring|Branch)[123]|{BRACKET_ATOM})\]",
    r"Cl|Br",
    r"%\d{2}",
    # a locant of a name (2, 12, 4a, 1H, 2'): digits after a hyphen, comma, bracket or space; elsewhere digits are
    # ring closures of SMILES or counts of formulas, one token each
    r"(?<![^\-,(\[{\s])\d+(?:[a-h](?![a-z]))?H?'*",
    r"\d",
    # a word, with its space only after another word: at the start of a completion, " benzene" has the word token of "-benzene";
    # a capital starts a word only if a letter follows that no aromatic atom has (Cc1, Nc1)
    rf"{SPACE}[a-z]+",
    rf"{SPACE}[A-Z](?=[a-z]*[ad-mq-rt-z])[a-z]+",
    r"(?:(?!Cl|Br)[A-Z]){1,6}",  # at most 6: a chain of 18 carbons is 3 x 6, not a token of its own
    r"\s",
    r".",
)

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def build_pre_tokenizer() -> pre_tokenizers.PreTokenizer:
    """Return the pre-tokenizer: a split at chemical boundaries, then bytes."""
    cut = pre_tokenizers.Split(Regex("|".join(PIECES)), behavior="isolated")
    return pre_tokenizers.Sequence([cut, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def train_tokenizer(texts: Iterable[str], vocabulary: int = VOCABULARY) -> PreTrainedTokenizerFast:
    """Train a tokenizer; the same texts give the same tokenizer.

    Encoding puts `<s>` first unless `add_special_tokens=False`; the caller adds the stop token.

    Args:
        texts: The training texts; repeat a text to give it more weight.
        vocabulary: Number of tokens: 5 special ones, 256 bytes, and merges. At least 261.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = build_pre_tokenizer()
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", special_tokens=[(BOS, tokenizer.token_to_id(BOS))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=STOP,
        pad_token=PAD,
        additional_special_tokens=[TURN, END_OF_TURN],
        chat_template=CHAT_TEMPLATE,
        model_max_length=CONTEXT,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def read_corpus(molecules: Path) -> Iterator[str]:
    """Yield the training texts: every molecule's strings once, and every phrase as often as training shows it.

    Args:
        molecules: The built-in data set, a parquet file with the columns smiles, iupac, synonyms and formula.
    """
    import pyarrow.parquet as pq
    import selfies

    table = pq.read_table(molecules, columns=["smiles", "iupac", "synonyms", "formula"])
    for row, (smiles, iupac, synonyms, formula) in enumerate(
        zip(*(table[name].to_pylist() for name in table.column_names), strict=True)
    ):
        yield from (smiles, iupac)
        if row % 4 == 0:  # tasks use it less often
            yield formula
            yield from synonyms[:1]
        if row % 8 == 0:
            try:
                yield selfies.encoder(smiles)
            except selfies.EncoderError:  # hypervalent atoms have no SELFIES
                continue
    phrases = read_phrases()
    for phrase in phrases:
        for _ in range(len(table) // len(phrases)):
            yield phrase


def read_texts(texts: Path) -> Iterator[str]:
    """Yield the texts of a file, and every phrase once per 1,000 texts.

    Args:
        texts: A file with one JSON string per line, as `datamodules.texts.training_texts` writes them.
    """
    with texts.open(encoding="utf-8") as file:
        lines = file.readlines()
    yield from map(json.loads, lines)
    for phrase in read_phrases():
        yield from [phrase] * (len(lines) // 1000)


def read_phrases() -> list[str]:
    """Return the instructions of configs/tasks and the fixed text of configs/formats, as they occur in a prompt."""
    phrases: list[str] = []
    for file in sorted((CONFIGS / "tasks").glob("*.yaml")):
        phrases += load_yaml(file).get("instructions", [])
    for file in sorted((CONFIGS / "formats").glob("*.yaml")):
        content = load_yaml(file)
        phrases.append(f"{content.get('prompt', '')}{content.get('completion', '')}")
    return phrases


def write_decoder_config(folder: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    """Write config.json of the built-in decoder: a small Llama whose embeddings fit the tokenizer."""
    from transformers import LlamaConfig

    config = LlamaConfig(
        architectures=["LlamaForCausalLM"],
        vocab_size=len(tokenizer),
        hidden_size=256,
        intermediate_size=768,
        num_hidden_layers=6,
        num_attention_heads=4,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    config.save_pretrained(folder)


def main(argv: list[str] | None = None) -> None:
    """Train on the built-in data set, or on a file of texts, and write the folder of a decoder without weights."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--molecules", type=Path, default=MOLECULES, help="parquet file of the built-in data set"
    )
    parser.add_argument(
        "--folder", type=Path, default=BUILTIN, help="folder for the tokenizer and config.json"
    )
    parser.add_argument(
        "--texts", type=Path, help="texts to train on instead of the molecules: one JSON string per line"
    )
    parser.add_argument("--vocabulary", type=int, default=VOCABULARY, help="number of tokens")
    arguments: Any = parser.parse_args(argv)
    corpus = read_texts(arguments.texts) if arguments.texts else read_corpus(arguments.molecules)
    tokenizer = train_tokenizer(corpus, arguments.vocabulary)
    tokenizer.save_pretrained(arguments.folder)
    write_decoder_config(arguments.folder, tokenizer)
    sys.stdout.write(f"{len(tokenizer)} tokens written to {arguments.folder}\n")


if __name__ == "__main__":
    main()
