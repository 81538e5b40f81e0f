"""The training loop: several processes on a CPU or one on a GPU, resumable after any kill."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.utils.data import DataLoader
from transformers import PreTrainedTokenizerFast

from tools.tiny import checkpoint
from tools.tiny.batches import Batches
from tools.tiny.encoding import Batch
from tools.tiny.forward import forward, visual_tokens
from tools.tiny.heads import WEIGHTS, Heads
from tools.tiny.model_card import training_so_far, training_summary, write_training
from tools.tiny.optimizer import Average, make_optimizers, set_rate
from tools.tiny.scene import FULL
from tools.tiny.schedule import Schedule
from tools.tiny.tokenizer import train_tokenizer
from tools.tiny.world import World

LOG_EVERY = 25  # steps


@dataclass(frozen=True)
class Plan:
    """What the command line asks for."""

    output: Path  # the finished checkpoint
    state: Path  # what a resumed training needs, and the log
    further: Path | None = None  # a finished checkpoint of this world to go on from
    steps: int | None = None
    minutes: float | None = 170.0
    seed: int = 0
    processes: int = 2
    workers: int = 0  # processes that draw pictures; on a CPU the training processes draw their own
    world: World = FULL  # what is drawn and asked
    batch_scale: float = 1.0  # 1: about 12 dialogues per process and step
    save_minutes: float = 4.0

    def fixed(self) -> dict[str, str]:
        """The flags that a resumed training cannot change; the budget and the number of processes may differ."""
        further = str(self.further.resolve()) if self.further else ""
        same = {"--seed": self.seed, "--world": self.world, "--batch-scale": self.batch_scale}
        return {"--further": further} | {flag: str(value) for flag, value in same.items()}


class StateError(Exception):
    """The state folder holds an unfinished training that this command line does not describe."""


def train(plan: Plan) -> None:
    """Train from scratch, or from where a killed run of the same plan stopped, and write the checkpoint.

    Raises `StateError` if the state folder holds an unfinished training of another plan.
    """
    plan.state.mkdir(parents=True, exist_ok=True)
    _require_same(plan)
    tokenizer = train_tokenizer()
    if torch.cuda.is_available():
        alone = replace(plan, processes=1)
        _run(Trainer(0, alone, tokenizer, torch.device("cuda"), torch.bfloat16), tokenizer)
        return
    # A core with units for bfloat16 is 1.5 to 3 times as fast with it; one that emulates it, 10 times as slow.
    units = torch.cpu.get_capabilities()
    dtype = torch.bfloat16 if units.get("amx_bf16") or units.get("avx512_bf16") else torch.float32
    meeting = plan.state / f"meeting-{os.getpid()}"
    # Forked rather than spawned: importing torch again takes longer than everything else here.
    context = torch.multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    others = [
        context.Process(target=_joined, args=(rank, plan, tokenizer, dtype, meeting), daemon=True)
        for rank in range(1, plan.processes)
    ]
    for process in others:
        process.start()
    _joined(0, plan, tokenizer, dtype, meeting)
    for process in others:
        process.join()
    meeting.unlink(missing_ok=True)


def _joined(
    rank: int, plan: Plan, tokenizer: PreTrainedTokenizerFast, dtype: torch.dtype, meeting: Path
) -> None:
    torch.set_num_threads(1)
    if plan.processes > 1:
        dist.init_process_group(
            "gloo", init_method=f"file://{meeting}", rank=rank, world_size=plan.processes
        )
    _run(Trainer(rank, plan, tokenizer, torch.device("cpu"), dtype), tokenizer)


def _run(trainer: Trainer, tokenizer: PreTrainedTokenizerFast) -> None:
    plan = trainer.plan
    trainer.resume()
    trainer.loop()
    if trainer.rank == 0:
        trainer.average.copy_to(trainer.model)
        checkpoint.write_checkpoint(plan.output, trainer.model, tokenizer)
        machine = torch.cuda.get_device_name() if trainer.device.type == "cuda" else "a CPU"
        before = training_so_far(plan.further) if plan.further else ""
        log = plan.state / "log.jsonl"
        write_training(plan.output, training_summary(log, machine, plan.world, before))
        _set_aside(plan.state)


def _require_same(plan: Plan) -> None:
    file = plan.state / "state.pt"
    if not file.exists():
        (plan.state / "log.jsonl").unlink(missing_ok=True)  # of a training that is over
        return
    saved = torch.load(file, map_location="cpu", weights_only=True).get("plan", {})
    other = [flag for flag, value in plan.fixed().items() if saved.get(flag) != value]
    if other:
        raise StateError(
            f"{plan.state} holds an unfinished training with another {', '.join(other)}; give the same flags to go on "
            "with it, or another --state to begin a new one."
        )


def _set_aside(state: Path) -> None:
    """The next training in this folder then starts from its own first weights, and logs and ends by itself."""
    (state / "state.pt").replace(state / "finished.pt")
    if (state / "log.jsonl").exists():  # not after a few steps
        (state / "log.jsonl").replace(state / "finished.jsonl")
    (state / "finish").unlink(missing_ok=True)


class Trainer:
    """One process's share of a training."""

    def __init__(
        self,
        rank: int,
        plan: Plan,
        tokenizer: PreTrainedTokenizerFast,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.rank, self.plan, self.device = rank, plan, device
        self.dtype = dtype  # of everything but sums, norms and the weights themselves
        self.model: Any = _first_model(plan, tokenizer).to(device)
        self.heads = Heads(self.model.config.text_config.hidden_size).to(device)
        self.optimizers = make_optimizers(self.model, self.heads)
        self.average = Average(self.model)
        self.schedule = Schedule(plan.steps, plan.minutes, plan.further is not None)
        self.batches = Batches(tokenizer, plan.seed, rank, plan.batch_scale, plan.world)
        self.step, self.seconds = 0, 0.0
        self.recent: dict[str, float] = {}

    def loop(self) -> None:
        """Steps until the budget is spent."""
        loader = iter(DataLoader(self.batches, batch_size=None, sampler=self._numbers(),
                                 num_workers=self.plan.workers, worker_init_fn=_stand_back))  # fmt: skip
        saved = clock = time.monotonic()
        while True:
            progress, finish = self._agree(self.schedule.progress(self.step, self.seconds))
            if finish and self.schedule.finish_from is None:
                self.schedule.finish_from = progress
            if self.schedule.done(progress):
                break
            rate = self.schedule.rate(progress)
            set_rate(self.optimizers, self.schedule.model_rate(progress), rate)
            losses = self._train_step(next(loader).moved(lambda tensor: tensor.to(self.device)))
            self.step += 1
            now = time.monotonic()
            self.seconds, clock = self.seconds + now - clock, now
            self._log(losses, progress)
            if self.rank == 0 and now - saved > 60 * self.plan.save_minutes:
                self.save()
                saved = now
        if self.rank == 0:
            self.save()

    def _numbers(self) -> Iterator[tuple[int, bool]]:
        """The batches to draw: which they are follows from the step alone where the budget is in steps, so that workers
        that draw ahead, or a resumed training, draw the same.
        """
        for number in count(self.step):
            progress = self.schedule.progress(number, self.seconds)
            yield number, self.schedule.vision_only(progress)

    def _agree(self, progress: float) -> tuple[float, bool]:
        """The first process's progress, and whether a file named `finish` asks for an early end."""
        asked = (self.plan.state / "finish").exists()
        told = torch.tensor([progress, asked], dtype=torch.float64)
        if dist.is_initialized():
            dist.broadcast(told, 0)
        return float(told[0]), bool(told[1])

    def _train_step(self, batch: Batch) -> dict[str, Tensor]:
        if not len(batch.labels):  # pictures without a question
            visual = visual_tokens(self.model, batch, self.dtype)
            losses = self.heads.visual_losses(visual, batch)
        else:
            outputs = forward(self.model, batch, self.dtype)
            embeddings = self.model.model.language_model.embed_tokens.weight
            logits = F.linear(outputs.final[batch.label_spots], embeddings.to(self.dtype))
            losses = {"language": F.cross_entropy(logits.float(), batch.labels)}
            visual = outputs.visual
            losses |= self.heads.visual_losses(visual, batch)
            losses |= self.heads.text_losses(outputs, batch)
        loss = torch.stack([WEIGHTS[name] * value for name, value in losses.items()]).sum()
        loss.backward()
        self._share_gradients()
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=False)
        self.average.update(self.model, self.step)
        if self.step % LOG_EVERY == 0:
            with torch.no_grad():
                self.recent |= self.heads.readings(visual, batch)
        return {name: value.detach() for name, value in losses.items()}

    def _share_gradients(self) -> None:
        """Mean over the processes, then clipped."""
        weights = [*self.model.parameters(), *self.heads.parameters()]
        for weight in weights:
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
        if dist.is_initialized():
            gradients = [weight.grad for weight in weights]
            together = nn.utils.parameters_to_vector(gradients)
            dist.all_reduce(together)
            nn.utils.vector_to_parameters(together / self.plan.processes, gradients)
        nn.utils.clip_grad_norm_(weights, 1.0)

    def _log(self, losses: dict[str, Tensor], progress: float) -> None:
        # A GPU is waited for once, not for each.
        values = torch.stack(list(losses.values())).tolist()
        for name, value in zip(losses, values, strict=True):
            self.recent[name] = 0.95 * self.recent.get(name, value) + 0.05 * value
        if self.rank or self.step % LOG_EVERY:
            return
        line = {"step": self.step, "minutes": round(self.seconds / 60, 2)}
        line |= {"progress": round(progress, 4)}
        line |= {name: round(value, 4) for name, value in self.recent.items()}
        with (self.plan.state / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
        left = self.schedule.seconds_left(progress, self.seconds) / 60
        bar = ("#" * int(30 * progress)).ljust(30, ".")
        shown = "  ".join(f"{name} {value:.3f}" for name, value in self.recent.items())
        end = "\r" if sys.stderr.isatty() else "\n"
        said = f"[{bar}] step {self.step}, {left:.0f} min left  {shown}"
        print(said, end=end, file=sys.stderr, flush=True)

    def save(self) -> None:
        """Write everything a resumed run needs; a kill at any moment leaves the old file or the new one."""
        state = {
            "model": self.model.state_dict(),
            "heads": self.heads.state_dict(),
            "average": self.average.weights,
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step,
            "seconds": self.seconds,
            "schedule": asdict(self.schedule),
            "recent": self.recent,
            "plan": self.plan.fixed(),
        }
        new = self.plan.state / "state.new"
        torch.save(state, new)
        new.rename(self.plan.state / "state.pt")

    def resume(self) -> None:
        """Go on from the saved state, if there is one.

        A final decay that had begun goes on too, unless the budget has changed: it is counted in parts of the budget.
        """
        file = self.plan.state / "state.pt"
        if not file.exists():
            return
        state = torch.load(file, map_location=self.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.heads.load_state_dict(state["heads"])
        self.average.weights = state["average"]
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step, self.seconds = state["step"], state["seconds"]
        self.recent = state["recent"]
        if self.rank == 0:
            _forget_after(self.step, self.plan.state / "log.jsonl")
        ending = Schedule(**state["schedule"])
        if replace(ending, finish_from=None) == replace(self.schedule, finish_from=None):
            self.schedule.finish_from = ending.finish_from


def _forget_after(step: int, log: Path) -> None:
    """Take back the lines of steps that were lost with a kill and are made again."""
    if log.exists():
        lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
        whole = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
        log.write_text("".join(whole), encoding="utf-8")


def _stand_back(_: int) -> None:
    """A process that draws leaves the core to the one that keeps the GPU busy."""
    os.nice(10)


def _first_model(plan: Plan, tokenizer: PreTrainedTokenizerFast) -> Any:
    """The weights that a training begins with: random, or those of a finished checkpoint."""
    if plan.further:
        old, known = checkpoint.load_model(plan.further), checkpoint.load_tokenizer(plan.further)
        model = checkpoint.with_vocabulary(old, known, tokenizer)
        torch.manual_seed(plan.seed)
        return model
    model = checkpoint.build_model(tokenizer, "qwen2_vl", "tiny", plan.seed)
    torch.manual_seed(plan.seed)
    checkpoint.scale_weights(model)
    # Every block begins almost as a detour that adds nothing: deeper stacks learn sooner so.
    outputs = ("o_proj.weight", "down_proj.weight", "attn.proj.weight", "fc2.weight")
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith(outputs):
                weight.mul_(0.2)
    return model
