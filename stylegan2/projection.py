"""Projection: find the w whose picture comes nearest to a given one (Karras et al. 2020, appendix D).

A descent ends in the valley where it began, so it begins well: many random w of the classes are drawn, the nearest of
them are tried for a while, and the best goes on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from stylegan2.generator import Generator
from stylegan2.streams import stream
from stylegan2.synthesis import Noise

Space = Literal["w", "w+"]
Describe = Callable[[Tensor], Sequence[Tensor]]
"""Takes pictures `[N, C, H, W]` in -1 to 1 to maps of features `[N, C', H', W']`, differentiably."""

CANDIDATES = 1024  # random w that are looked at
AVERAGED = 8  # the nearest of them, whose average is tried as well
STARTS = 4  # that are tried
TRIED = 0.15  # share of the steps that is spent on choosing among them
SHARED = 0.4  # share of the rest in which all layers have one w, before w+ lets them part
RATE = 0.1  # of Adam, times the deviation of w
RAMP_UP, RAMP_DOWN = 0.05, 0.5  # shares of the steps
COARSEST = 8  # px of the picture's last reduction
PERCEPTUAL = 1.0  # weight of the features beside the pixels
NOISE_RATE = 0.05
NOISE_PENALTY = 10.0
OVERSHOOT = 0.05  # how much of what is whiter than white, or blacker than black, counts
BATCH = 64


@dataclass(frozen=True)
class Projection:
    """What was found for one picture.

    Attributes:
        ws: a w for each layer, `[L, w_dim]`; all equal in the space w.
        noise: what each convolution is fed, `[1, h, w]`; None where it is the stored noise, or none.
        image: the generator's picture of it, `[C, H, W]`, about -1 to 1.
        label: class of the random w that it began with; None without classes.
        curve: distance at each step after the starts were tried.
        error: mean absolute difference of the pictures, as a share of the range.
        film: pictures on the way, the last is `image`, `[F, C, H, W]`.
    """

    ws: Tensor
    noise: list[Tensor] | None
    image: Tensor
    label: int | None
    curve: list[float]
    error: float
    film: Tensor


def project(
    generator: Generator,
    targets: Tensor,
    describe: Describe,
    *,
    space: Space = "w",
    steps: int = 300,
    noise: Literal["const", "fitted", "none"] = "const",
    labels: Sequence[int | None] | None = None,
    seed: int = 0,
    frames: int = 40,
    progress: Callable[[int], None] = lambda step: None,
) -> list[Projection]:
    """Find the w of several pictures at once; none depends on the others.

    Args:
        generator: in eval mode.
        targets: `[N, C, H, W]` as the generator draws them, -1 to 1.
        describe: features for the perceptual part of the distance.
        space: one w for all layers, or one for each.
        steps: of the descent, a batch each, those that try the starts included.
        noise: the stored noise is held, noise is fitted to the picture, or there is none.
        labels: the class whose w are begun with, of each picture; None where any will do.
        seed: of the random w.
        frames: of the film.
        progress: is told the steps done.
    """
    distance = Distance(targets, describe)
    fixed: Noise = "none" if noise == "none" else "const"
    starts, classes, deviation = find_starts(generator, distance, labels, fixed, seed)
    tried = max(1, round(TRIED * steps / STARTS))
    scouts = [Descent(generator, distance, start, deviation, fixed, steps) for start in starts.unbind(1)]
    for number, scout in enumerate(scouts):
        for _ in range(tried):
            scout.step()
        progress((number + 1) * tried)
    best = torch.stack([scout.least for scout in scouts]).argmin(dim=0)  # [N]
    rows = torch.arange(len(targets))
    began = torch.stack([scout.best for scout in scouts])[best, rows][:, :1]

    descent = Descent(generator, distance, began, deviation, fixed, steps - STARTS * tried)
    if noise == "fitted":
        descent.free_noise()
    film = [descent.image]
    for number in range(descent.steps):
        if space == "w+" and number == round(SHARED * descent.steps):
            descent.part_layers()
        descent.step()
        progress(STARTS * tried + number + 1)
        if (number + 1) * (frames - 1) // descent.steps > number * (frames - 1) // descent.steps:
            film.append(descent.image)
    return [
        Projection(
            ws=descent.best[n].expand(generator.settings.layers, -1).clone(),
            noise=[values[n] for values in descent.best_noise] if descent.best_noise else None,
            image=descent.best_image[n],
            label=int(classes[n, best[n]]) if generator.settings.classes else None,
            curve=[float(values[n]) for values in descent.curve],
            error=float((descent.best_image[n].clamp(-1, 1) - targets[n]).abs().mean() / 2),
            film=torch.stack([*(picture[n] for picture in film[: frames - 1]), descent.best_image[n]]),
        )
        for n in range(len(targets))
    ]


class Distance:
    """How far pictures are from their targets: pixels at every scale, and features.

    Args:
        targets: `[N, C, H, W]`.
        describe: see `Describe`.
    """

    def __init__(self, targets: Tensor, describe: Describe) -> None:
        self.describe = describe
        self.targets = targets
        self.scales = pyramid(targets)
        with torch.no_grad():
            self.maps = [maps.clone() for maps in describe(targets)]

    def __call__(self, images: Tensor, rows: Tensor | None = None) -> Tensor:
        """Of images `[N, C, H, W]` to all targets, or `[M, C, H, W]` to those in the rows `[M]`."""
        chosen = slice(None) if rows is None else rows
        images = shown(images)
        found = torch.zeros(len(images), device=images.device)
        for image, target in zip(pyramid(images), self.scales, strict=True):
            found = found + (image - target[chosen]).abs().mean(dim=(1, 2, 3)) / len(self.scales)
        for image, target in zip(self.describe(images), self.maps, strict=True):
            found = found + PERCEPTUAL * (image - target[chosen]).square().sum(dim=1).mean(dim=(1, 2)) / len(self.maps)
        return found


def pyramid(images: Tensor) -> list[Tensor]:
    """Pictures at all sizes down to 8 pixels, by averaging."""
    scales = [images]
    while min(scales[-1].shape[2:]) >= 2 * COARSEST:
        scales.append(F.avg_pool2d(scales[-1], 2))
    return scales


@torch.no_grad()
def find_starts(
    generator: Generator, distance: Distance, labels: Sequence[int | None] | None, noise: Noise, seed: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Random w whose pictures are nearest to the targets.

    Returns:
        w `[N, STARTS, 1, w_dim]`, their classes `[N, STARTS]`, and the deviation of w along each dimension `[w_dim]`.
    """
    settings, device = generator.settings, generator.w_avg.device
    random = stream(seed, "projection", 0)
    count = max(CANDIDATES, AVERAGED * settings.classes)
    z = torch.randn(count, settings.z_dim, generator=random).to(device)
    classes = torch.arange(count, device=device) % max(1, settings.classes)
    ws = generator.map(z, classes if settings.classes else None).mean(dim=1, keepdim=True)  # [K, 1, w_dim]
    centres = generator.w_avg_by_class if settings.classes else generator.w_avg[None]
    deviation = (ws[:, 0] - centres[classes]).std(dim=0)
    ws = torch.cat([ws, centres[:, None]])
    classes = torch.cat([classes, torch.arange(len(centres), device=device)])

    small = torch.cat([coarse(draw(generator, part, noise)) for part in torch.split(ws, BATCH)])
    apart = torch.cdist(coarse(distance.targets), small, p=1)  # [N, K]
    for n, label in enumerate(labels or ()):
        if label is not None:
            apart[n, classes != label] = math.inf
    nearest = apart.topk(AVERAGED, largest=False).indices
    starts, kinds = [], []
    for n, rows in enumerate(nearest):
        known = torch.cat([ws[rows], ws[rows].mean(dim=0, keepdim=True)])
        order = distance(draw(generator, known, noise), torch.full((len(known),), n, device=device)).argsort()[:STARTS]
        starts.append(known[order])
        kinds.append(torch.cat([classes[rows], classes[rows[:1]]])[order])
    return torch.stack(starts), torch.stack(kinds), deviation


def coarse(images: Tensor) -> Tensor:
    """A few colours of each part of the pictures, `[N, C * 16 * 16]` at most."""
    return pyramid(images)[min(2, len(pyramid(images)) - 1)].flatten(1)


def draw(generator: Generator, ws: Tensor, noise: Noise) -> Tensor:
    """Pictures of w `[N, 1 or L, w_dim]`."""
    image: Tensor = generator.synthesis(ws.expand(-1, generator.settings.layers, -1), noise)
    return image


def shown(images: Tensor) -> Tensor:
    """Pictures as they are clipped when shown, but for a slope that still says which way is back."""
    clipped = images.clamp(-1, 1)
    return clipped + OVERSHOOT * (images - clipped)


class Descent:
    """Adam (Kingma and Ba 2015) on w, for several pictures at once, each with its own state and its best iterate.

    Attributes:
        image: of the last step, `[N, C, H, W]`.
        least: smallest distance so far, `[N]`.
        best: the w of that, `[N, 1 or L, w_dim]`.
        best_image: the picture of that.
        best_noise: the noise of that, where it is free.
        curve: distances `[N]` of each step.
    """

    def __init__(
        self, generator: Generator, distance: Distance, ws: Tensor, deviation: Tensor, noise: Noise, steps: int
    ) -> None:
        self.generator, self.distance, self.deviation, self.steps = generator, distance, deviation, steps
        self.noise = noise
        self.free: list[Tensor] = []
        self.curve: list[Tensor] = []
        self.best = ws.clone()
        self.best_noise: list[Tensor] = []
        self.least = torch.full((len(ws),), math.inf, device=ws.device)
        with torch.no_grad():
            self.image = self.best_image = draw(generator, ws, noise)
        self._begin(ws)

    def _begin(self, ws: Tensor) -> None:
        self.offset = torch.zeros_like(ws).requires_grad_()
        self.start = ws.clone()
        groups = [{"params": [self.offset], "lr": RATE}]
        if self.free:
            groups.append({"params": self.free, "lr": NOISE_RATE})
        self.optimiser = torch.optim.Adam(groups)

    def part_layers(self) -> None:
        """Let every layer have its own w from here on."""
        self._begin(self.best.expand(-1, self.generator.settings.layers, -1))

    def free_noise(self) -> None:
        """Fit noise as well, from the stored one on."""
        count = len(self.start)
        self.free = [
            torch.as_tensor(layer.noise).expand(count, -1, -1, -1).clone().requires_grad_()
            for layer in self.generator.synthesis.convolutions
        ]
        self.best_noise = [values.detach().clone() for values in self.free]
        self._begin(self.start)

    def step(self) -> None:
        """One step; what it finds is kept where it is the best so far."""
        for group, rate in zip(self.optimiser.param_groups, (RATE, NOISE_RATE), strict=False):
            group["lr"] = rate * schedule(len(self.curve) / self.steps)
        ws = self.start + self.offset * self.deviation
        image = draw(self.generator, ws, self.free or self.noise)
        distance = self.distance(image)
        loss = distance.sum() + NOISE_PENALTY * sum(structure(values) for values in self.free)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            self.image = image.detach()
            self.curve.append(distance.detach())
            better = distance < self.least
            self.least = torch.where(better, distance, self.least)
            self.best = torch.where(better[:, None, None], ws, self.best)
            self.best_image = torch.where(better[:, None, None, None], image, self.best_image)
            self.best_noise = [
                torch.where(better[:, None, None, None], new, old)
                for new, old in zip(self.free, self.best_noise, strict=True)
            ]
            self.optimiser.step()
            for values in self.free:
                values -= values.mean(dim=(2, 3), keepdim=True)
                values *= values.square().mean(dim=(2, 3), keepdim=True).rsqrt()


def schedule(progress: float) -> float:
    """Factor of the learning rate: up at the beginning, and down along a cosine at the end."""
    down = min(1.0, (1 - progress) / RAMP_DOWN)
    return min(1.0, (progress + 0.01) / RAMP_UP) * (0.5 - 0.5 * math.cos(down * math.pi))


def structure(noise: Tensor) -> Tensor:
    """How much noise maps `[N, 1, h, w]` repeat themselves one pixel on, at every scale: 0 for what is noise."""
    found = torch.zeros((), device=noise.device)
    while True:
        for axis in (2, 3):
            found = found + (noise * noise.roll(1, axis)).mean(dim=(1, 2, 3)).square().sum()
        if min(noise.shape[2:]) <= COARSEST:
            return found
        noise = F.avg_pool2d(noise, 2) * 2  # of unit variance again
