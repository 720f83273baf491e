"""The LightningModule: trains a decoder on supervised tokens and evaluates it with an `Evaluator`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from transformers import PreTrainedModel

from lightning_modules.decoder.adapters import (
    LoraSettings,
    add_adapters,
    choose_trainable,
    merge_adapters,
    refuse_both,
)
from lightning_modules.decoder.bases import BaseSpec, Init, resolve_base
from lightning_modules.decoder.checkpoint_fit import other_weights
from lightning_modules.decoder.decoders import load_decoder, load_tokenizer
from lightning_modules.decoder.kept_buffers import kept_buffers
from lightning_modules.decoder.sharding import is_sharded
from lightning_modules.decoder.shared_prefix import may_share_prefix, refuse_sharing
from lightning_modules.decoder.vocabulary import add_tokens as add_to_tokenizer
from lightning_modules.decoder.vocabulary import describe_vocabulary, read_tokens, refuse_vocabulary
from lightning_modules.evaluation import ConstraintsOf, Evaluator, SourcesOf, answer_untrained, as_written
from lightning_modules.generation.generate import GenerationSettings
from lightning_modules.minimum_risk import MinimumRisk, RewardOf, check_rewards
from lightning_modules.training.first_step import join_scheduler, settle_logging, settle_rates
from lightning_modules.training.gradient_accumulation import GradientWindow
from lightning_modules.training.lr_schedule import WarmupCosine
from lightning_modules.training.parameter_groups import group_parameters
from lightning_modules.training.resumed_optimizer import OptimizerFlags
from lightning_modules.training.risk_settings import Objective, RiskSettings, check_objective
from lightning_modules.training.skip_step import leave_out
from lightning_modules.training.token_mean import TokenMean
from lightning_modules.training.training_loss import training_losses
from lightning_modules.training.try_optimizer import try_optimizer
from lightning_modules.training.weight_average import WeightAverage, check_decay

GREEDY, RISK = GenerationSettings(), RiskSettings()


class CausalLM(LightningModule):
    """A decoder that learns to complete prompts.

    Batches are dicts of tensors: `input_ids` and `labels` `(B, T)` (padded on the right; the label -100 marks
    unsupervised tokens). Packed training batches also have `attention_mask` and `position_ids`. Evaluation batches also
    have `prompt_ids` and `prompt_mask` `(B, P)` (padded on the left), `row_index` `(B,)` and `slots`, the number of rows
    to run at once.

    The loss of an optimizer step is the mean over all supervised tokens of all its micro-batches on all ranks, with `objective`
    risk the mean over all rows. To train with another loss, override `batch_loss`. `training_step` returns a sum; gradient
    clipping divides the gradients by the number of tokens or rows. (A callback's `on_before_optimizer_step` runs earlier and sees
    the gradients of the sum.)

    Checkpoints store no hyper-parameters: LightningCLI would let them override the flags of a resumed run. The run
    folder's config.yaml holds them.
    """

    decoder: PreTrainedModel
    """None until `configure_model` loads it."""

    def __init__(
        self,
        base: str = "bundled",
        init: Init | None = None,
        optimizer: OptimizerCallable = lambda params: torch.optim.AdamW(params, lr=1e-3, weight_decay=0.01),
        scheduler: LRSchedulerCallable | None = None,
        warmup_fraction: float = 0.05,
        min_lr_fraction: float = 0.1,
        decay_fraction: float = 1.0,
        average_weights: float | None = None,
        objective: Objective = "nll",
        risk: RiskSettings = RISK,
        gradient_checkpointing: bool = False,
        compile: bool = False,
        attention: str | None = None,
        share_prefix: bool | None = None,
        generation: GenerationSettings = GREEDY,
        trust_remote_code: bool = False,
        peft: LoraSettings | None = None,
        trainable: list[str] | None = None,
        add_tokens: list[str] | str | None = None,
    ) -> None:
        """Load the tokenizer; `configure_model` loads the weights later.

        Args:
            base: The decoder: a name in configs/bases, a path to such a YAML file, a Hub id, or a folder. `auto` takes the
                flagship, with its format, for few rows of a task that it knows, and else the default.
            init: Start from `pretrained` or `random` weights; the base sets the default.
            optimizer: Receives the parameters in two groups; norms and biases have no weight decay.
            scheduler: Stepped after each optimizer step (ReduceLROnPlateau: after each epoch, on val/loss).
                Default: a linear warm-up, then a cosine decay.
            warmup_fraction: Share of the run's steps that the default scheduler spends on warm-up.
            min_lr_fraction: Final value of the default scheduler, as a share of the learning rate.
            decay_fraction: Share of the run's steps, at its end, in which the default scheduler decays. The rate is constant
                between warm-up and decay. To end a constant run early, resume from a checkpoint with fewer epochs.
            average_weights: Evaluate, keep and export an exponential average of the weights over the optimizer steps. The value
                is the share of the average that a step leaves in it, such as 0.999, after a warm-up. Training goes on with its
                own weights. Takes the memory of one more copy of the trained weights. Default: no average.
            objective: What training lowers: nll, the cross-entropy of the targets, or risk, the expected risk of the model's own
                answers, which a check rewards. A step takes about ten times as long.
            risk: The settings of `objective` risk.
            gradient_checkpointing: Recompute activations in the backward pass: uses less memory, is about a third slower.
            compile: Compile the decoder, except its output embedding, with torch.compile for training. The first step
                takes half a minute or more (less the next time). Varying lengths cause no recompilation. Evaluation is
                not compiled.
            attention: Attention implementation of transformers, such as `sdpa` or `eager`. Default: transformers chooses, except
                that training on short rows in bf16 on a CPU uses `eager`, which is faster there.
            share_prefix: Run the common prefix of a training batch (an instruction, demonstrations) once for all rows. The loss
                and its gradients are the same up to rounding. Default: on, unless the base has dropout, which all rows
                would then share.
            generation: How predictions are generated.
            trust_remote_code: Run Python code from the base's Hub repository. Off by default.
            peft: Train low-rank adapters instead of all weights: `--model.peft.rank 8`; see `--model.peft.help`.
            trainable: Train only the parameters whose names match: `['*.layers.29.*']` for one block, `['!*embed*']`
                for all but the embeddings. The last matching pattern decides.
            add_tokens: Tokens to add to the base's vocabulary: a list in configs/tokens (`smiles`, `selfies`), the path of
                such a YAML file, or the tokens themselves. Their embeddings start as the mean of the others.

        Raises:
            ValueError: If the base cannot be found or fetched, a share is not in [0, 1], tokens are invalid, the
                optimizer or scheduler cannot be built, or both `peft` and
                `trainable` or both `share_prefix` and `gradient_checkpointing` are given.
        """
        super().__init__()
        self._default_schedule = WarmupCosine(warmup_fraction, min_lr_fraction, decay_fraction)
        refuse_both(peft, trainable)
        refuse_sharing(share_prefix, gradient_checkpointing)
        check_decay(average_weights)
        check_objective(objective, risk, compile=compile)
        try_optimizer(optimizer, scheduler)
        self.val_loss, self.test_loss = TokenMean(), TokenMean()
        self.register_module("decoder", None)
        self.base = base
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.average_weights = average_weights
        self.objective, self.risk = objective, risk
        self.gradient_checkpointing = gradient_checkpointing
        self.compile_layers = compile
        self.attention, self.share_prefix = attention, share_prefix
        self.generation = generation
        self.peft = peft
        self.trainable = trainable
        self.tokenizer = load_tokenizer(base, trust_remote_code)
        new_tokens = read_tokens(add_tokens)
        self.new_ids = add_to_tokenizer(self.tokenizer, new_tokens)
        self._load = partial(
            load_decoder,
            init=init,
            trust_remote_code=trust_remote_code,
            new_tokens=new_tokens,
            attention=attention,
        )
        self._other_weights: BaseSpec | None = None
        self.constraints_of: ConstraintsOf | None = None
        """Maps row indices to constraints for `generation.only_valid`. A callback sets it, because callbacks define validity."""
        self.sources_of: SourcesOf | None = None
        """Maps row indices to the texts that `generation.block` is about. A callback sets it, because callbacks know the data."""
        self.reward_of: RewardOf | None = None
        """Rewards texts that were generated for training rows, for `objective` risk. A callback sets it, too."""
        self._window, self._risk = GradientWindow(), MinimumRisk(risk)
        self.left_out = torch.tensor(False)
        self._flags: OptimizerFlags | None = None
        self._average: WeightAverage | None = None  # outside of a fit

    @property
    def base_facts(self) -> BaseSpec:
        """Where the base comes from."""
        return self._other_weights or resolve_base(self.base)

    def setup(self, stage: str) -> None:
        """In a fit, begin an average of the weights if `average_weights` asks for it, and see that rewards are given."""
        self._average = WeightAverage(self.average_weights) if stage == "fit" else None
        if stage == "fit" and self.objective == "risk":
            check_rewards(self.reward_of)

    def start_from(self, folder: Path) -> None:
        """Take the base's weights from another folder: those that it has for the tasks of this run.

        Call it before `configure_model`.

        Args:
            folder: A Hugging Face folder of the base's architecture.

        Raises:
            ValueError: If they have another vocabulary.
        """
        spec = replace(resolve_base(self.base), path=str(folder))
        refuse_vocabulary(*(describe_vocabulary(load_tokenizer(base)) for base in (spec, self.base)))
        self._other_weights = spec

    def configure_model(self) -> None:
        """Load the weights and freeze those that are not trained; a second call does nothing."""
        if "decoder" in dict(self.named_children()):
            return
        decoder = self._make_decoder()
        if self.share_prefix is None:
            self.share_prefix = may_share_prefix(decoder)
        self.decoder = decoder

    def _make_decoder(self) -> PreTrainedModel:
        """Return the base, with adapters or frozen weights if the flags ask for them."""
        decoder = self._load(self.base_facts, gradient_checkpointing=self.gradient_checkpointing)
        if self.peft is not None:
            add_adapters(decoder, self.peft, self.new_ids)
        elif self.trainable is not None:
            choose_trainable(decoder, self.trainable, self.new_ids)
        return decoder

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> CausalLM:
        """Cast or move all tensors, as `Module.to` does; rotary frequencies stay in float32."""
        with kept_buffers(self):
            return super()._apply(fn, recurse)

    def plain_decoder(self, weights: dict[str, Tensor]) -> tuple[PreTrainedModel, dict[str, Tensor]]:
        """Return a decoder without adapters, and `weights` (a state dict of `decoder`) with the adapters merged in.

        A decoder whose weights are shared out can be neither copied nor saved, so it is made again.
        """
        return merge_adapters(self._make_decoder() if is_sharded(self.decoder) else self.decoder, weights)

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Load a checkpoint's weights.

        Raises:
            ValueError: If they are those of another base, vocabulary or adapters.
        """
        try:
            return super().load_state_dict(state_dict, *args, **kwargs)
        except RuntimeError as error:
            raise other_weights(self.state_dict(), state_dict, self.base) from error

    def batch_loss(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return the loss sum of a training batch's supervised tokens, with gradient, and their number: two scalars.

        With `objective` risk they are those of its rows.

        Raises:
            ValueError: If rows are packed and packing is not proven correct for the base's architecture.
        """
        assert self.share_prefix is not None
        losses_of = partial(
            training_losses, self.decoder, base=self.base,
            share_prefix=self.share_prefix, choose_attention=self.attention is None,
        )  # fmt: skip
        if self.objective == "nll":
            return losses_of(batch).add_up()
        return self._risk.batch_loss(
            self.decoder, self.tokenizer, batch, losses_of=losses_of, reward_of=self.reward_of,
            max_new_tokens=self.generation.max_new_tokens, step=self.global_step,
        )  # fmt: skip

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """Return the loss sum of the supervised tokens or rows, a scalar."""
        loss_sum, count = self.batch_loss(batch)
        self._window.add(loss_sum, count)
        return loss_sum

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Any] | None:
        """Update val/loss and generate; returns the value of `Evaluator.answer`."""
        return self._evaluate(batch, "val/loss", self.val_loss)

    def test_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Any] | None:
        """Update test/loss and generate; returns the value of `Evaluator.answer`."""
        return self._evaluate(batch, "test/loss", self.test_loss, with_candidates=True)

    def predict_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Any] | None:
        """Generate; returns the value of `Evaluator.answer`."""
        return self._evaluate(batch, with_candidates=True)

    def _evaluate(
        self,
        batch: dict[str, Any],
        name: str = "",
        loss: TokenMean | None = None,
        with_candidates: bool = False,
    ) -> dict[str, Any] | None:
        """Log the batch's loss under `name` if `loss` is given, and answer the batch's prompts if it has any."""
        evaluator, outputs = Evaluator(self.decoder, self.tokenizer, self.generation), dict[str, Any]()
        begun = None
        with as_written(self.device):
            if loss is not None:
                drafts = evaluator.make_drafts(batch, self.constraints_of)
                losses = evaluator.compute_loss(batch, drafts)
                begun = None if drafts is None else drafts.begun
                loss.update(losses.loss, losses.tokens)
                self.log(name, loss, on_step=False, on_epoch=True, batch_size=len(batch["input_ids"]))
                outputs = {"row_loss": losses.row_losses, "row_tokens": losses.row_counts}
            if "prompt_ids" not in batch:
                return {"row_index": batch["row_index"], **outputs} if outputs else None
            return outputs | evaluator.answer(
                batch, self.constraints_of, with_candidates, self.sources_of, begun
            )

    def answer_untrained(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Return the base's answers to a batch's prompts before any fine-tuning; the base is loaded again for this."""
        return answer_untrained(
            partial(self._load, self.base_facts), self.tokenizer, self.generation, batch, self.device
        )

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: int | float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Convert the gradients of the window's loss sum to gradients of its token mean, clip them, and log the mean.

        Lightning has divided each micro-batch's sum by `accumulate_grad_batches` (even in a shorter last window), and DDP
        has averaged over the ranks; this method undoes both. Lightning's clipping rejects a fused optimizer in mixed
        precision, because such an optimizer unscales fp16 gradients only in its step; this method unscales them first.

        If the loss or the gradients are not finite on any rank, all ranks skip the step, and `left_out` is true. (In fp16,
        gradients sometimes overflow by design, and the gradient scaler skips such steps.)
        """
        scaler = getattr(self.trainer.precision_plugin, "scaler", None)
        if scaler is not None and getattr(optimizer, "_step_supports_amp_scaling", False):
            scaler.unscale_(optimizer)
        by_value = gradient_clip_algorithm == "value"
        reduce = partial(self.trainer.strategy.reduce, reduce_op="sum")
        loss, self.left_out = self._window.close(
            [p.grad for p in self.parameters() if p.grad is not None],
            reduce=reduce,
            parts=self.trainer.accumulate_grad_batches * self.trainer.world_size,
            max_norm=None if by_value else gradient_clip_val,
            may_overflow=scaler is not None,
        )
        self.log("train/loss", loss, prog_bar=True)
        if self.objective == "risk":
            self.log_dict(self._risk.close(reduce))
        if gradient_clip_val and by_value:
            torch.nn.utils.clip_grad_value_(self.parameters(), gradient_clip_val)
        if scaler is None:
            leave_out(optimizer, self.left_out)

    def on_fit_start(self) -> None:
        """Make the compiler ready, and begin the average with the weights, which are on their device now."""
        if (
            self.compile_layers
        ):  # here, since evaluation is not compiled and the compiler's import takes a second
            self.decoder.base_model.compile()
        assert self._average is not None or self.average_weights is None, "setup makes it"
        if self._average is not None:
            self._average.begin(self)

    def on_validation_epoch_start(self) -> None:
        """In a fit, evaluate the average of the weights."""
        if self._average is not None:
            self._average.exchange()

    def on_validation_epoch_end(self) -> None:
        """In a fit, go on with the trained weights, after all callbacks."""
        if self._average is not None:
            self._average.exchange()

    def on_train_end(self) -> None:
        """End with the average, after the last checkpoint."""
        if self._average is not None:
            self._average.exchange()

    def optimizer_step(
        self,
        epoch: int,
        batch_idx: int,
        optimizer: Optimizer | LightningOptimizer,
        optimizer_closure: Callable[[], Any] | None = None,
    ) -> None:
        """Step, then free the gradients. Lightning would keep them in memory during the next forward pass."""
        optimizer.step(closure=optimizer_closure)
        optimizer.zero_grad()
        if self._average is not None:
            self._average.update()

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Build the optimizer over two groups (with and without weight decay) and its scheduler."""
        optimizer = self.optimizer(group_parameters(self.decoder))
        scheduler = self.scheduler(optimizer) if self.scheduler else LambdaLR(optimizer, self._lr_factor)
        self._flags = OptimizerFlags.note(optimizer, scheduler)
        return join_scheduler(optimizer, scheduler)

    def _lr_factor(self, step: int) -> float:
        """Return the default scheduler's factor; 1 for step 0, whose rate `on_train_start` sets.

        The scheduler evaluates step 0 when it is built, before the run's length is known: `estimated_stepping_batches`
        inside `configure_optimizers` would load the data before a checkpoint could restore their position
        (pytorch-lightning#20550).
        """
        return (
            self._default_schedule.factor(step, self.trainer.estimated_stepping_batches) if step > 0 else 1.0
        )

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Note the vocabulary that the weights belong to; in a fit, let the weights be their average."""
        checkpoint["vocabulary"] = describe_vocabulary(self.tokenizer)
        if self._average is not None:
            self._average.add_to(checkpoint)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse weights of another vocabulary (earlier checkpoints do not say theirs); a fit takes the trained weights."""
        if (saved := checkpoint.get("vocabulary")) is not None:
            refuse_vocabulary(saved, describe_vocabulary(self.tokenizer))
        if self._average is not None:
            self._average.take_from(checkpoint)

    def on_train_start(self) -> None:
        """Let flags override a checkpoint's settings, and set the first step's rate, which was unknown before."""
        settle_logging(self.trainer)
        default = self._default_schedule if self.scheduler is None else None
        settle_rates(self.trainer, self.lr_schedulers(), self._flags, default)
