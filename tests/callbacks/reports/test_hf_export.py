from __future__ import annotations

import shutil

import pytest
import torch
import yaml
from lightning.pytorch.callbacks import ModelCheckpoint
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from callbacks.metrics.exact_match import ExactMatch
from callbacks.reports.hf_export import HFExport
from callbacks.run.run_facts import load_checkpoint
from lightning_modules.generation.generate import GenerationSettings
from tests.helpers.callback_stubs import Pair, ScriptedModel, StubData, make_trainer

PAIRS = [Pair("a", "CCO", "CCO"), Pair("b", "CCO", "CC")]
WORDS = {"<pad>": 0, "<s>": 1, "</s>": 2, "what": 3, "now": 4, "yes": 5, "no": 6, "<unk>": 7}


class TinyModel(ScriptedModel):
    """Llama of two layers; each epoch adds 1 to a weight, and answers well in epoch 1 only."""

    generation = GenerationSettings(max_new_tokens=77)

    def __init__(self, tied, pairs=PAIRS):
        super().__init__(pairs)
        words = Tokenizer(models.WordLevel(WORDS, unk_token="<unk>"))
        words.pre_tokenizer = pre_tokenizers.Whitespace()
        self.tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=words, pad_token="<pad>", bos_token="<s>", eos_token="</s>", unk_token="<unk>"
        )
        torch.manual_seed(0)
        self.decoder = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=8,
                hidden_size=8,
                intermediate_size=8,
                num_hidden_layers=2,
                num_attention_heads=2,
                tie_word_embeddings=tied,
                bos_token_id=1,
                eos_token_id=3,
                pad_token_id=0,
            )
        )

    def plain_decoder(self, weights):
        return self.decoder, weights

    def training_step(self, batch, batch_idx):
        return sum(parameter.sum() for parameter in self.decoder.parameters()) * 0 + self.weight.sum()

    def on_train_epoch_start(self):
        with torch.no_grad():
            self.decoder.model.norm.weight.add_(1)

    def validation_step(self, batch, batch_idx):
        outputs = super().validation_step(batch, batch_idx)
        if self.current_epoch != 1:
            outputs["prediction"] = ["C"] * len(outputs["prediction"])
        return outputs


def fit(tmp_path, tied=False, best=True, pairs=PAIRS):
    checkpoint = ModelCheckpoint(
        tmp_path / "checkpoints", monitor="val/exact_match", mode="max", save_weights_only=False
    )
    model = TinyModel(tied, pairs)
    trainer = make_trainer(
        tmp_path,
        [*([checkpoint] if best else []), HFExport(), ExactMatch()],
        max_epochs=3,
        enable_checkpointing=best,
    )
    trainer.fit(model, datamodule=StubData(pairs))
    return model, trainer


@pytest.mark.parametrize("tied", [False, True])
def test_export_holds_the_best_weights_and_loads_in_transformers(tmp_path, tied, capsys):
    model, trainer = fit(tmp_path, tied)
    best = load_checkpoint(trainer.checkpoint_callback.best_model_path)
    modes = {
        path.name: oct(path.stat().st_mode & 0o777) for path in (tmp_path / "hf").iterdir() if path.is_file()
    }
    assert set(modes.values()) == {modes["config.json"]}, modes
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "hf").eval()
    for name, value in loaded.state_dict().items():
        torch.testing.assert_close(value, best["state_dict"][f"decoder.{name}"])
    assert loaded.state_dict()["model.norm.weight"][0] == 3.0  # of epoch 1, the second
    assert model.decoder.state_dict()["model.norm.weight"][0] == 4.0  # untouched
    assert (tmp_path / "hf" / "model.safetensors").is_file()
    assert not list((tmp_path / "hf").glob("*.bin"))
    assert "the last weights" not in capsys.readouterr().out


def test_exported_model_gives_the_logits_of_the_module(tmp_path):
    model, _ = fit(tmp_path, best=False)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "hf").eval()
    ids = torch.tensor([[1, 3, 4]])
    with torch.no_grad():
        torch.testing.assert_close(loaded(ids).logits, model.decoder.eval()(ids).logits)


def test_export_knows_the_stop_token_and_has_the_tokenizer(tmp_path):
    fit(tmp_path)
    generation = AutoModelForCausalLM.from_pretrained(tmp_path / "hf").generation_config
    assert (generation.eos_token_id, generation.pad_token_id) == (2, 0)
    assert generation.max_new_tokens == 77  # transformers' own default is 20
    assert AutoTokenizer.from_pretrained(tmp_path / "hf")("what now").input_ids == [3, 4]


def test_exported_card_has_the_results_of_the_exported_weights(tmp_path):
    fit(tmp_path)
    card = (tmp_path / "hf" / "README.md").read_text()
    assert "| val/to_smiles/exact_match | 0.500 (0.095 to 0.905) |" in card
    assert "_low" not in card
    for fact in (
        "tasks: to_smiles",
        "data: pairs.csv (2 rows)",
        "base: stub",
        "## Licence",
        'prompt = "what now"',
        '# "CCO<end>"',  # of epoch 1, whose weights these are; the last epoch answered "C"
    ):
        assert fact in card


def test_export_without_a_checkpoint_has_the_last_weights(tmp_path, capsys):
    fit(tmp_path, best=False)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "hf")
    assert loaded.state_dict()["model.norm.weight"][0] == 4.0
    assert "the last weights: no best checkpoint was chosen" in capsys.readouterr().out


def test_a_test_of_the_exported_weights_adds_its_results_to_the_card(tmp_path, capsys):
    model, trainer = fit(tmp_path)
    path, results = tmp_path / "hf" / "README.md", tmp_path / "hf" / ".eval_results" / "to_smiles.yaml"
    path.write_text(path.read_text() + "\nMine.\n")
    trainer.test(model, datamodule=StubData(PAIRS), ckpt_path="best")
    card = path.read_text()
    assert "| test/to_smiles/exact_match |" in card
    assert "| val/to_smiles/exact_match | 0.500 (0.095 to 0.905) |" in card
    assert card.endswith("\nMine.\n")
    assert [entry["notes"].split()[0] for entry in yaml.safe_load(results.read_text())] == ["val", "test"]
    assert f"Model card, with these results: {path}" in capsys.readouterr().out
    assert not list(path.parent.rglob("*.part"))


def test_tasks_named_by_columns_that_no_file_can_be_called_have_a_file_each(tmp_path):
    names = ["Structure_to_m/z", "Structure_to_m:z", "a_to_<b>?", "A_to_b", "a_to_B", "../x"]
    pairs = [pair._replace(task=names[place % 6]) for place, pair in enumerate([PAIRS[1]] * 12)]
    fit(tmp_path, pairs=pairs)
    files = sorted((tmp_path / "hf" / ".eval_results").iterdir())
    assert {yaml.safe_load(file.read_text())[0]["dataset"]["task_id"] for file in files} == set(names)
    assert len({file.name.casefold() for file in files}) == 6
    assert not any(set(file.name) & set('<>:"/\\|?*') for file in files)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("weights", "its weights are not those of other.ckpt"),
        ("rows", "this test had other rows, tasks or settings of generation than the run"),
        ("marks", "the marks around its results are gone"),
        ("head", "its head cannot be read"),
    ],
)
def test_a_test_of_something_else_leaves_the_card_as_it_is(tmp_path, capsys, change, why):
    model, trainer = fit(tmp_path)
    path, data = tmp_path / "hf" / "README.md", StubData(PAIRS)
    tested = tmp_path / "checkpoints" / "other.ckpt"
    checkpoint = load_checkpoint(trainer.checkpoint_callback.best_model_path)
    if change == "weights":
        checkpoint["state_dict"]["decoder.model.norm.weight"] += 1
    elif change == "rows":
        data.report = {"sources": {"others.csv": 2}}
    elif change == "marks":
        path.write_text(path.read_text().replace("<!-- patois: end", "<!-- end"))
    else:
        path.write_text(path.read_text().replace("model-index:", "model-index: 7\nrest:"))
    torch.save(checkpoint, tested)
    before = path.read_text()
    trainer.test(model, datamodule=data, ckpt_path=str(tested))
    assert path.read_text() == before
    assert f"Model card: left as it is, since {why}" in capsys.readouterr().out


def test_a_test_without_an_export_says_nothing_of_a_card(tmp_path, capsys):
    model, trainer = fit(tmp_path)
    shutil.rmtree(tmp_path / "hf")
    trainer.test(model, datamodule=StubData(PAIRS), ckpt_path="best")
    trainer.test(model, datamodule=StubData(PAIRS))
    assert "Model card" not in capsys.readouterr().out


@pytest.mark.pitfall(25)
def test_a_checkpoint_with_code_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return print, ("code ran",)

    path = tmp_path / "evil.ckpt"
    torch.save({"state_dict": {}, "evil": Evil()}, path)
    with pytest.raises(ValueError, match="expected a checkpoint of tensors and plain values"):
        load_checkpoint(path)


def test_export_of_a_checkpoint_of_another_base_is_an_error(tmp_path):
    from callbacks.reports.hf_export import save_decoder

    with pytest.raises(ValueError, match=r"Was it written with another --model\.base"):
        save_decoder(TinyModel(False), {"decoder.other": torch.zeros(1)}, tmp_path)
