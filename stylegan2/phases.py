"""One training step: four phases, then the averages and the strength of the augmentation."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim import Adam

from stylegan2.augment.control import adjusted_strength
from stylegan2.augment.draws import RandomDraws
from stylegan2.augment.pipe import PIPES, augment
from stylegan2.distributed import add_up, processes, rank
from stylegan2.images import TrainingImages
from stylegan2.latents import Latents, draw_latents
from stylegan2.losses import fake_loss, generator_loss, path_lengths, r1_penalty, real_loss
from stylegan2.meters import Meters
from stylegan2.presets import Recipe
from stylegan2.settings import TrainingSettings
from stylegan2.state import TrainingState
from stylegan2.streams import stream

PATH_LENGTH_SHRINK = 2  # path lengths are measured on a smaller batch, which saves memory
PATH_LENGTH_DECAY = 0.01


class Trainer:
    """Changes a training state, step by step.

    A batch may be worked through in shares, by one process or several, whose gradients add up; each share takes every
    `shares`-th image, and the same random numbers as in the whole batch.
    """

    def __init__(
        self, state: TrainingState, images: TrainingImages, settings: TrainingSettings, row: Recipe, seed: int
    ) -> None:
        self.state, self.images, self.settings, self.row, self.seed = state, images, settings, row, seed
        self.shares = row.batch // (settings.micro_batch or row.batch // processes())
        self.mine = range(rank(), self.shares, processes())
        self.dtype = None if settings.precision == "float32" else getattr(torch, settings.precision)
        self.meters = Meters()
        # Nothing can be differentiated twice through a compiled network, so regularisation takes the plain ones.
        networks = state.generator.synthesis, state.discriminator
        self._synthesis, self._discriminator = (
            torch.compile(network, dynamic=False) if settings.compiled else network for network in networks
        )
        blocks = settings.frozen_blocks
        self._frozen = [state.discriminator.from_picture, *state.discriminator.blocks[:blocks]] if blocks else []

    def step(self) -> None:
        """Train on one batch of real images."""
        state, row = self.state, self.row
        kimg = state.step * row.batch / 1000
        if self.settings.transition:
            self._fade_classes_in(kimg)
        if self.settings.decay_kimg is not None:
            for optimizer in (state.generator_optimizer, state.discriminator_optimizer):
                optimizer.param_groups[0]["lr"] = optimizer.defaults["lr"] * self.settings.rate_share(kimg)

        # Update the generator; regularise it lazily.
        latents = self._latents("generator", row.batch)
        self._update("generator", lambda share: self._generator_loss(latents, share))
        self._track_average_w(latents)
        if row.path_length_weight and state.step % self.settings.path_length_interval == 0:
            self._regularise_path_lengths()

        # Update the discriminator; regularise it lazily.
        fakes = self._latents("discriminator", row.batch)
        self._update("discriminator", lambda share: self._discriminator_loss(fakes, share))
        if row.r1_gamma and state.step % self.settings.r1_interval == 0:
            self._update("r1", self._r1_loss)

        # Average the generator; adapt p.
        state.step += 1
        self._average_generator()
        if self.settings.augment.mode == "adaptive" and state.step % self.settings.augment.interval == 0:
            r_t = state.signs[0] / state.signs[1]
            seen = row.batch * self.settings.augment.interval
            state.strength.copy_(adjusted_strength(state.strength, r_t, seen, self.settings))
            state.signs.zero_()

    def _fade_classes_in(self, kimg: float) -> None:
        """Let the class count as much as it is due.

        Conditioning a generator from the start collapses on little data (Shahbazi et al. 2022), so it begins without.
        The class then comes in where it enters the mapping, and in the logit, where the projection of Miyato and
        Koyama (2018) is added to an unconditional term; one logit serves every loss throughout.
        """
        weight = self.settings.class_weight(kimg)
        self.state.generator.get_buffer("mapping.class_weight").fill_(weight)
        self.state.discriminator.get_buffer("class_weight").fill_(weight)

    def _generator_loss(self, latents: Latents, share: int) -> Tensor:
        mine = latents.share(share, self.shares)
        loss = generator_loss(self._judge(self._fakes(mine), mine.labels, "generator", share))
        self.meters.add("loss_generator", loss)
        return loss.mean()

    def _discriminator_loss(self, latents: Latents, share: int) -> Tensor:
        mine = latents.share(share, self.shares)
        with torch.no_grad():
            fakes = self._fakes(mine)
        fake_logits = self._judge(fakes, mine.labels, "fake", share)
        real_logits = self._judge(*self._reals(share), "real", share)
        self._count_signs(real_logits)
        loss = fake_loss(fake_logits).mean() + real_loss(real_logits).mean()
        self.meters.add("loss_discriminator", loss)
        self.meters.add("logits_fake", fake_logits)
        self.meters.add("logits_real", real_logits)
        return loss

    def _r1_loss(self, share: int) -> Tensor:
        images, labels = self._reals(share)
        images.requires_grad_()
        logits = self._judge(images, labels, "r1", share)
        self._count_signs(logits)
        penalty = r1_penalty(logits, images)
        self.meters.add("r1_penalty", penalty)
        return penalty.mean() * (self.row.r1_gamma / 2 * self.settings.r1_interval)

    def _regularise_path_lengths(self) -> None:
        latents = self._latents("path length", self.row.batch // PATH_LENGTH_SHRINK)
        measured: list[Tensor] = []

        def loss_of(share: int) -> Tensor:
            mine = latents.share(share, self.shares)
            ws = mine.ws(self.state.generator)
            fakes = self.state.generator.synthesis(ws, mine.noise, self.dtype)
            random = stream(self.seed, "path length directions", self.state.step, self.images.device)
            directions = torch.randn(len(latents.z), *fakes.shape[1:], generator=random, device=random.device)
            lengths = path_lengths(fakes, ws, directions[share :: self.shares] / directions[0, 0].numel() ** 0.5)
            measured.append(lengths.detach())
            # The mean before this batch, so that every share of it compares with the same number.
            deviation = (lengths - self.state.path_length).square().mean()
            return deviation * (self.row.path_length_weight * self.settings.path_length_interval)

        self._update("path_length", loss_of)
        lengths = torch.cat(measured)
        self.meters.add("path_length", lengths)
        total = lengths.sum()
        add_up([total])
        self.state.path_length.lerp_(total / len(latents.z), PATH_LENGTH_DECAY)

    def _update(self, phase: str, loss_of_share: Callable[[int], Tensor]) -> None:
        """Take one optimiser step on the mean loss over all shares."""
        network, optimizer = self._trained_in(phase)
        self.state.generator.requires_grad_(network is self.state.generator)
        self.state.discriminator.requires_grad_(network is self.state.discriminator)
        for part in self._frozen:
            part.requires_grad_(False)
        optimizer.zero_grad(set_to_none=True)
        for share in self.mine:
            (loss_of_share(share) / self.shares).backward()  # type: ignore[no-untyped-call]
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        add_up(gradients)
        for gradient in gradients:
            torch.nan_to_num(gradient, nan=0.0, posinf=1e5, neginf=-1e5, out=gradient)
        self.meters.add(f"gradient_norm_{phase}", torch.nn.utils.get_total_norm(gradients))
        optimizer.step()

    def _trained_in(self, phase: str) -> tuple[nn.Module, Adam]:
        if phase in ("generator", "path_length"):
            return self.state.generator, self.state.generator_optimizer
        return self.state.discriminator, self.state.discriminator_optimizer

    def _fakes(self, latents: Latents) -> Tensor:
        fakes: Tensor = self._synthesis(latents.ws(self.state.generator), latents.noise, self.dtype)
        return fakes.clamp(-1, 1) if self.settings.clip else fakes

    def _judge(self, images: Tensor, labels: Tensor | None, purpose: str, share: int) -> Tensor:
        """Logits `[n]` for a share of a batch of images, which the discriminator sees augmented."""
        if self.settings.augment.mode != "off":
            random = stream(self.seed, f"augment {purpose}", self.state.step, self.images.device)
            draws = RandomDraws(random, self.row.batch, share, self.shares)
            operations = PIPES[self.settings.augment.pipe]
            images = augment(images, self.state.strength, draws, operations, self.settings.augment.geometry)
        network = self.state.discriminator if purpose == "r1" else self._discriminator
        logits: Tensor = network(images, labels, self.dtype)
        return logits

    def _latents(self, purpose: str, count: int) -> Latents:
        return draw_latents(
            self.state.generator,
            self.images,
            mixing=self.row.style_mixing,
            noisy=self.settings.noise,
            seed=self.seed,
            purpose=purpose,
            step=self.state.step,
            count=count,
        )

    def _reals(self, share: int) -> tuple[Tensor, Tensor | None]:
        images, labels = self.images.batch(self.state.step, self.row.batch, share, self.shares)
        return images.to(self.state.path_length.dtype), labels

    def _count_signs(self, real_logits: Tensor) -> None:
        signs = real_logits.detach().sign()
        self.meters.add("r_t", signs)
        counted = torch.stack([signs.sum(), torch.full_like(signs[0], signs.numel())])
        add_up([counted])
        self.state.signs += counted

    @torch.no_grad()
    def _track_average_w(self, latents: Latents) -> None:
        generator = self.state.generator
        w = generator.map(latents.z, latents.labels)[:, 0]
        labels = torch.zeros(len(w), dtype=torch.int64, device=w.device) if latents.labels is None else latents.labels
        sums = w.new_zeros(max(generator.settings.classes, 1), w.shape[1]).index_add_(0, labels, w)
        counts = w.new_zeros(len(sums)).index_add_(0, labels, torch.ones_like(w[:, 0]))
        generator.track_average(sums, counts)

    @torch.no_grad()
    def _average_generator(self) -> None:
        batch, seen = self.row.batch, self.state.step * self.row.batch
        half_life = self.row.ema_kimg * 1000
        if self.row.ema_ramp:
            half_life = min(half_life, seen * self.row.ema_ramp)
        decay = 0.5 ** (batch / max(half_life, 1e-8))
        means, values = (list[Tensor](network.parameters()) for network in (self.state.average, self.state.generator))
        torch._foreach_lerp_(means, values, 1 - decay)
        for copy, buffer in zip(self.state.average.buffers(), self.state.generator.buffers(), strict=True):
            copy.copy_(buffer)
