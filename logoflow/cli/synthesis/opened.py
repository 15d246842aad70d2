"""The generator that a command draws with."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from logoflow.cli.synthesis.words import clusters
from logoflow.errors import UserError
from logoflow.generators import choose_generator
from logoflow.resolve import Place

if TYPE_CHECKING:
    from stylegan2.generator import Generator


@dataclass(frozen=True)
class Opened:
    """A generator on the best device there is.

    Attributes:
        network: in eval mode.
        path: of its file.
        origin: for people.
        sha256: of the file.
    """

    network: "Generator"
    path: Path
    origin: str
    sha256: str

    def clusters(self, named: Sequence[str]) -> list[list[float]]:
        """The weights of each cluster or mix that is named, of all clusters where none is; see `clusters`."""
        return clusters(named, self.network.settings.classes)

    def check_layers(self, truncated: int | None) -> None:
        """Whether there are as many layers as are to be truncated.

        Raises:
            UserError: there are fewer.
        """
        layers = self.network.settings.layers
        if truncated is not None and truncated > layers:
            raise UserError(f"this generator has {layers} layers: --truncated-layers cannot be {truncated}.")


def open_generator(reference: str | None, store: Place | None) -> Opened:
    """Choose and load a generator.

    Raises:
        UserError: there is none, or the file holds none.
    """
    from stylegan2.checkpoints import load_generator
    from tasks.device import device_named

    chosen = choose_generator(reference, store)
    try:
        network = load_generator(chosen.path).to(device_named("auto"))
    except ValueError as error:
        raise UserError(str(error)) from error
    return Opened(network, chosen.path.resolve(), chosen.origin, sha256_of(chosen.path))


def sha256_of(path: Path) -> str:
    """Of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
