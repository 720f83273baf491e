from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
import torch
from transformers import GenerationConfig, PreTrainedModel

from lightning_modules.decoder.decoders import never_generated
from lightning_modules.generation.generate import Generated, GenerationSettings, generate
from lightning_modules.training.loss import supervised_loss
from tests.helpers.tiny import (
    ARCHITECTURES,
    ROWS,
    VOCABULARY,
    make_batch,
    make_rows,
    make_tiny,
    make_tokenizer,
)

PAIRS = [
    ("CCO:", "ethanol"),
    ("name c1ccccc1:", "benzene"),
    ("C:", "methane"),
    ("what is this, CC(=O)O:", "acid"),
]
GREEDY = GenerationSettings(max_new_tokens=12)
BEAM = GenerationSettings(strategy="beam", num_beams=3, max_new_tokens=12)
SAMPLE = GenerationSettings(strategy="sample", temperature=0.7, top_p=0.9, max_new_tokens=12)


def run(
    decoder: PreTrainedModel,
    settings: GenerationSettings,
    pad_is_stop: bool = False,
    only: list[int] | None = None,
) -> Generated:
    tokenizer = make_tokenizer(pad_is_stop)
    only = list(range(len(PAIRS))) if only is None else only
    batch = make_batch(make_rows(tokenizer, [PAIRS[i] for i in only]), tokenizer.pad_token_id, only)
    return generate(
        decoder, tokenizer, batch["prompt_ids"], batch["prompt_mask"], settings, batch["row_index"]
    )


@cache
def overfitted(pad_is_stop: bool, architecture: str = "llama") -> PreTrainedModel:
    """A tiny decoder that has learned PAIRS and their stop token."""
    tokenizer = make_tokenizer(pad_is_stop)
    batch = make_batch(make_rows(tokenizer, PAIRS), tokenizer.pad_token_id)
    decoder = make_tiny(architecture).train()
    optimizer = torch.optim.Adam(decoder.parameters(), lr=1e-2)
    for _ in range(60):
        loss_sum, count = supervised_loss(decoder, batch["input_ids"], batch["labels"])
        optimizer.zero_grad()
        (loss_sum / count).backward()
        optimizer.step()
    return decoder.eval()


def plain_score(
    decoder: PreTrainedModel, prompt: list[int], completion: list[int], pad_is_stop: bool = False
) -> float:
    """Independent: one row, no padding, no cache, token by token from a softmax over the rows that are tokens."""
    logits = decoder(torch.tensor([prompt + completion]), use_cache=False).logits[0].float()
    logits[:, never_generated(decoder, make_tokenizer(pad_is_stop))] = -torch.inf
    log_probs = logits.log_softmax(dim=-1)
    return sum(log_probs[len(prompt) + i - 1, token].item() for i, token in enumerate(completion))


@pytest.mark.parametrize("settings", [GREEDY, BEAM, SAMPLE], ids=lambda s: s.strategy)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_score_is_the_log_probability_of_a_plain_forward(
    architecture: str, settings: GenerationSettings
) -> None:
    decoder = make_tiny(architecture)
    generated = run(decoder, settings)
    prompts = [prompt for prompt, _ in make_rows(make_tokenizer(), PAIRS)]
    for i, prompt in enumerate(prompts):
        completion = generated.ids[i, : generated.num_tokens[i]].tolist()
        assert generated.score[i].item() == pytest.approx(plain_score(decoder, prompt, completion), abs=1e-4)


@pytest.mark.parametrize("settings", [GREEDY, BEAM, SAMPLE], ids=lambda s: s.strategy)
@pytest.mark.parametrize("pad_is_stop", [False, True])
def test_score_and_length_count_the_stop_token_once(settings: GenerationSettings, pad_is_stop: bool) -> None:
    decoder = overfitted(pad_is_stop)
    generated = run(decoder, settings, pad_is_stop)
    rows = make_rows(make_tokenizer(pad_is_stop), PAIRS)
    assert generated.text == [completion for _, completion in PAIRS]
    assert generated.stopped.all()
    assert generated.num_tokens.tolist() == [len(completion) for _, completion in rows]
    for i, (prompt, completion) in enumerate(rows):
        assert generated.ids[i, : len(completion)].tolist() == completion
        expected = plain_score(decoder, prompt, completion, pad_is_stop)
        assert generated.score[i].item() == pytest.approx(expected, abs=1e-4)


@pytest.mark.pitfall(5)
def test_stop_token_is_learned_and_found_when_padding_is_the_same_token() -> None:
    """Masked by position the stop token is supervised; masked by id (the trap) the model never stops."""
    tokenizer = make_tokenizer(pad_is_stop=True)
    batch = make_batch(make_rows(tokenizer, PAIRS), tokenizer.pad_token_id)
    assert tokenizer.pad_token_id == tokenizer.eos_token_id
    assert ((batch["labels"] == tokenizer.eos_token_id).sum(dim=1) == 1).all()
    generated = run(overfitted(pad_is_stop=True), GREEDY, pad_is_stop=True)
    assert generated.stopped.all()
    assert generated.num_tokens.max() < GREEDY.max_new_tokens
    assert generated.text == [completion for _, completion in PAIRS]


@pytest.mark.pitfall(10)
@pytest.mark.pitfall(13)
@pytest.mark.parametrize("settings", [GREEDY, BEAM, SAMPLE], ids=lambda s: s.strategy)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_row_alone_equals_the_row_in_a_left_padded_batch(
    architecture: str, settings: GenerationSettings
) -> None:
    decoder = make_tiny(architecture)
    together = run(decoder, settings)
    for batch in ([0], [1], [2], [3], [3, 1], [2, 0]):
        alone = run(decoder, settings, only=batch)
        for at, row in enumerate(batch):
            assert alone.text[at] == together.text[row]
            assert alone.score[at].item() == pytest.approx(together.score[row].item(), abs=1e-4)


@pytest.mark.pitfall(11)
@pytest.mark.parametrize("settings", [GREEDY, BEAM, SAMPLE], ids=lambda s: s.strategy)
@pytest.mark.parametrize("architecture", ["opt-350m-like", "gpt_neox"])
def test_rows_that_are_no_token_are_never_generated(architecture: str, settings: GenerationSettings) -> None:
    decoder = make_tiny(architecture, tie_word_embeddings=False)
    head = decoder.get_output_embeddings()
    with torch.no_grad():  # rows 290.. and the padding token would win every time
        head.weight[VOCABULARY:] = 8 * head.weight[5]
        head.weight[make_tokenizer().pad_token_id] = 8 * head.weight[6]
        head.weight[5:7] = 0
    generated = run(decoder, settings)
    real = generated.ids[torch.arange(generated.ids.shape[1]) < generated.num_tokens[:, None]]
    assert real.max() < VOCABULARY
    assert (real != make_tokenizer().pad_token_id).all()
    assert generated.score.isfinite().all()


def test_never_generated_are_the_rows_without_a_token_and_the_padding() -> None:
    decoder = make_tiny("gpt_neox")
    padding_rows = list(range(VOCABULARY, ROWS))
    assert never_generated(decoder, make_tokenizer()) == [make_tokenizer().pad_token_id, *padding_rows]
    assert never_generated(decoder, make_tokenizer(pad_is_stop=True)) == padding_rows


@pytest.mark.parametrize("architecture", ["llama", "opt", "gpt2"])
def test_greedy_equals_transformers(architecture: str) -> None:
    decoder = make_tiny(architecture)
    tokenizer = make_tokenizer()
    generated = run(decoder, GREEDY)
    for i, (prompt, _) in enumerate(make_rows(tokenizer, PAIRS)):
        config = GenerationConfig(
            max_new_tokens=12,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            suppress_tokens=never_generated(decoder, tokenizer),
        )
        ids = decoder.generate(torch.tensor([prompt]), generation_config=config)[0, len(prompt) :]
        assert generated.ids[i, : generated.num_tokens[i]].tolist() == ids.tolist()


@pytest.mark.parametrize("architecture", ["llama", "opt", "gpt2"])
def test_beams_equal_transformers_scores(architecture: str) -> None:
    decoder = make_tiny(architecture)
    tokenizer = make_tokenizer()
    batch = make_batch(make_rows(tokenizer, PAIRS), tokenizer.pad_token_id)
    reference = decoder.generate(
        batch["prompt_ids"],
        attention_mask=batch["prompt_mask"],
        generation_config=GenerationConfig(
            max_new_tokens=12,
            num_beams=3,
            length_penalty=0.0,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            suppress_tokens=never_generated(decoder, tokenizer),
            output_scores=True,
            return_dict_in_generate=True,
        ),
    )
    generated = run(decoder, BEAM)
    assert generated.ids.tolist() == reference.sequences[:, batch["prompt_ids"].shape[1] :].tolist()
    # transformers' softmax has the rows without a token in it, ours has not: ours is a little higher
    assert (generated.score >= reference.sequences_scores - 1e-4).all()


def test_sampling_draws_from_the_distribution() -> None:
    """20,000 first tokens of one prompt against the softmax of a plain forward (total variation distance)."""
    decoder, tokenizer = make_tiny("llama", seed=3), make_tokenizer()
    prompt = torch.tensor([tokenizer("CCO:")["input_ids"]])
    logits = decoder(prompt).logits[0, -1] / 2.0
    logits[never_generated(decoder, tokenizer)] = -torch.inf
    draws = 20_000
    settings = GenerationSettings(strategy="sample", temperature=2.0, max_new_tokens=1)
    ids = torch.cat(
        [
            generate(
                decoder,
                tokenizer,
                prompt.expand(2000, -1),
                torch.ones(2000, prompt.shape[1], dtype=torch.int64),
                settings,
                torch.arange(start, start + 2000),
            ).ids[:, 0]
            for start in range(0, draws, 2000)
        ]
    )
    measured = torch.bincount(ids, minlength=ROWS) / draws
    assert 0.5 * (measured - logits.softmax(0)).abs().sum() < 0.05


def test_nucleus_keeps_only_the_most_probable_tokens() -> None:
    decoder = make_tiny("llama")
    tiny_nucleus = run(decoder, GenerationSettings(strategy="sample", top_p=1e-6, max_new_tokens=12))
    assert tiny_nucleus.text == run(decoder, GREEDY).text


def test_sampling_depends_on_the_seed() -> None:
    decoder = make_tiny("llama")
    assert run(decoder, SAMPLE).text == run(decoder, SAMPLE).text
    assert run(decoder, SAMPLE).text != run(decoder, replace(SAMPLE, seed=1)).text


@pytest.mark.parametrize("training", [True, False])
def test_mode_is_restored_and_dropout_is_off_while_generating(training: bool) -> None:
    decoder = make_tiny("gpt2", dropout=0.5)
    expected = run(decoder, GREEDY).text
    decoder.train(training)
    assert run(decoder, GREEDY).text == expected
    assert decoder.training is training


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_empty_prompt_of_a_filler_row_is_harmless(architecture: str) -> None:
    decoder, tokenizer = make_tiny(architecture), make_tokenizer()
    batch = make_batch(make_rows(tokenizer, PAIRS), tokenizer.pad_token_id)
    expected = generate(decoder, tokenizer, batch["prompt_ids"], batch["prompt_mask"], SAMPLE)
    batch["prompt_mask"][2] = 0
    mask = batch["prompt_mask"].clone()
    generated = generate(decoder, tokenizer, batch["prompt_ids"], batch["prompt_mask"], SAMPLE)
    assert [generated.text[i] for i in (0, 1, 3)] == [expected.text[i] for i in (0, 1, 3)]
    assert generated.score.isfinite().all()
    assert (batch["prompt_mask"] == mask).all(), "inputs are not changed"


def test_fewer_tokens_where_the_context_ends_and_an_error_where_it_is_full() -> None:
    decoder, tokenizer = make_tiny("opt"), make_tokenizer()
    prompt = torch.full((1, 125), 7)
    generated = generate(decoder, tokenizer, prompt, torch.ones_like(prompt), GREEDY)
    assert generated.num_tokens.item() <= 3
    full = torch.full((1, 128), 7)
    with pytest.raises(
        ValueError, match=r"shorter than the decoder's context of 128 tokens, but got one of 128"
    ):
        generate(decoder, tokenizer, full, torch.ones_like(full), GREEDY)
