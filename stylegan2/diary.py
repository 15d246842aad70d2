"""What the first process of a training writes down at every tick: reports, pictures, snapshots."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import monotonic

from stylegan2.checkpoints import keep_best, save_snapshot, snapshots
from stylegan2.generator import Generator
from stylegan2.grids import GRID_COLUMNS, fixed_samples, save_grid
from stylegan2.phases import Trainer
from stylegan2.reports import Curve, Tick, save_film
from stylegan2.watch import Failure, Watch, failure, memory_mib, place_of, warning

SNAPSHOTS = "snapshots"


class Diverged(RuntimeError):
    """A training has gone wrong for good."""


class Diary:
    """Reports a training, and saves it.

    Args:
        folder: of the training.
        trainer: the training.
        watch: what is measured beside the losses.
        curve: receives the ticks.
        total_steps: steps in the end.
        on_tick: called with every progress report.
        score: judges the averaged generator at each snapshot, less is better.
    """

    def __init__(
        self,
        folder: Path,
        trainer: Trainer,
        watch: Watch,
        curve: Curve,
        total_steps: int,
        on_tick: Callable[[Tick], None] | None,
        score: Callable[[Generator], float] | None,
    ) -> None:
        self._folder, self._trainer, self._watch, self._curve = folder, trainer, watch, curve
        self._total_steps, self._on_tick, self._score = total_steps, on_tick, score
        self._start_s = self._last_s = monotonic()
        self._last_step = trainer.state.step

    def tick(self, ticks: int, values: dict[str, float]) -> None:
        """Write down what there is to say after so many ticks; `values` are the means since the last one.

        Raises:
            Diverged: there is no point in going on.
        """
        trainer, state = self._trainer, self._trainer.state
        settings, batch, done = trainer.settings, trainer.row.batch, state.step == self._total_steps
        is_saved = ticks % settings.snapshot_ticks == 0 or done

        # Report.
        samples = fixed_samples(state.average, trainer.seed)
        values = values | self._watch.measure(state.discriminator, samples)
        if is_saved and self._score is not None:
            values["score"] = self._score(state.average)
        p, now_s = float(state.strength), monotonic()
        tick = Tick(
            step=state.step,
            kimg=state.step * batch / 1000,
            total_kimg=self._total_steps * batch / 1000,
            p=p,
            values=values,
            images_per_s=(state.step - self._last_step) * batch / (now_s - self._last_s),
            wall_s=now_s - self._start_s,
            memory_mib=memory_mib(trainer.images.device),
            device=place_of(trainer.images.device),
            warning=warning([*self._curve.lines, values | {"p": p}], settings.augment),
        )
        self._last_step, self._last_s = state.step, now_s
        self._curve.append(tick)
        if self._on_tick is not None:
            self._on_tick(tick)
        problem = failure(self._curve.lines)
        if problem is not None:
            self.close()  # what went wrong is seen in the film
            raise Diverged(self._advice(tick, problem))

        # Draw and save. The best comes before the snapshot: a training that is killed between them saves it again.
        if ticks % settings.grid_ticks == 0 or done:
            path = self._folder / "grids" / f"{state.step * batch:011d}.png"
            save_grid(path, samples, GRID_COLUMNS)
            self._curve.show(path, state.step)
        if is_saved:
            self.save(values.get("score"))

    def save(self, score: float | None = None) -> None:
        """Write a snapshot, and keep the networks if their score is the best."""
        state, trainer = self._trainer.state, self._trainer
        nimg = state.step * trainer.row.batch
        best = keep_best(self._folder, state, nimg, score)
        if state.step:  # else there is nothing to go on from
            save_snapshot(self._folder / SNAPSHOTS, state, nimg, trainer.settings.keep_snapshots, best)

    @property
    def exhausted(self) -> bool:
        """Whether the score has not got better for too long."""
        patience = self._trainer.settings.patience
        scores = [line["score"] for line in self._curve.lines if "score" in line]
        return patience is not None and len(scores) - scores.index(min(scores)) > patience if scores else False

    def close(self) -> None:
        """Make a film of the grids, if there are any."""
        if grids := sorted((self._folder / "grids").glob("*.png")):
            save_film(grids, self._folder / "film.webp")

    def _advice(self, tick: Tick, problem: Failure) -> str:
        good = [path for path in snapshots(self._folder / SNAPSHOTS) if int(path.name) <= problem.since_kimg * 1000]
        last = f"the last good snapshot is {good[-1]}" if good else "there is no good snapshot"
        return f"After {tick.kimg:g} kimg {problem.reason}; {last}."
