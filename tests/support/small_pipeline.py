"""A Prefect server of the tests' own, and a pipeline that takes seconds."""

import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from data.sources import open_source
from moco.shipped import ENCODER

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
LOGOS = 64
BOOT_S = 180
RUN_S = 300


@dataclass(frozen=True)
class Server:
    """A running Prefect server."""

    environment: dict[str, str]
    url: str


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for the first answer; the first boot migrates a database, which takes 20 s and more."""
    end = time.monotonic() + BOOT_S
    while time.monotonic() < end:
        assert process.poll() is None, f"the server ended: {log.read_text()[-2000:]}"
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
                assert answer.read() == b"true"
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.5)
    pytest.fail(f"the server did not answer within {BOOT_S} s: {log.read_text()[-2000:]}")


@dataclass(frozen=True)
class Pipeline:
    """A small pipeline in a folder of its own: its logos, its configuration, its store."""

    folder: Path
    environment: dict[str, str]

    @property
    def logos(self) -> Path:
        """The folder of images that it reads."""
        return self.folder / "logos"

    @property
    def store(self) -> Path:
        """Where it keeps what it makes."""
        return self.folder / "store"

    @property
    def config(self) -> Path:
        """Its YAML file."""
        return self.folder / "small.yaml"

    def command(self, *arguments: str) -> list[str]:
        """A command line of logoflow on this store."""
        return [str(BIN / "logoflow"), *arguments, "--store", str(self.store)]

    def logoflow(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return self.plain(*arguments, "--store", str(self.store))

    def plain(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command that needs no store to its end."""
        command = [str(BIN / "logoflow"), *arguments]
        return subprocess.run(command, env=self.environment, cwd=ROOT, capture_output=True, text=True, timeout=RUN_S)

    def run(self, *arguments: str) -> str:
        """Run the pipeline, which must end well; what it printed."""
        done = self.logoflow("run", str(self.config), *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def copy(self, folder: Path) -> "Pipeline":
        """The same configuration and logos with a store of its own, that of the original so far."""
        shutil.copytree(self.folder, folder)
        other = Pipeline(folder, self.environment)
        other.write_config()
        return other

    def write_config(self) -> None:
        """Write the configuration: everything is real, and as small as it can be."""
        self.config.write_text(
            yaml.safe_dump(
                {
                    "name": "small",
                    "ingest": {"sources": [{"name": "logos", "path": str(self.logos)}], "shard_images": 16},
                    "train_encoder": {
                        "resolution": 16, "width": 8, "epochs": 3, "batch": 8, "queue": 8, "normalisation_groups": 2,
                        "dimensions": 16, "snapshot_steps": 1,
                    },
                    "cluster": {"k": 3, "restarts": 2, "compare": [2]},
                    "curate": {"resolution": 16},
                    "train_gan": {
                        "total_kimg": 0.128, "batch": 8, "channel_base": 128, "channel_max": 16, "z_dim": 16,
                        "w_dim": 16, "tick_kimg": 0.016, "snapshot_ticks": 4, "grid_ticks": 2, "score_images": 8,
                    },
                    "evaluate": {"images": 12, "neighbours": 2, "path_lengths": 2, "encoder": str(ENCODER)},
                    "generate": {"per_cluster": 3, "steps": 3},
                }
            )
        )  # fmt: skip


def write_logos(folder: Path, first: int, count: int) -> None:
    """Write some of the sample's logos as files."""
    folder.mkdir(exist_ok=True)
    source = open_source("sample", ROOT / "data" / "sample" / "lld_like.parquet")
    for number, raw in enumerate(source.read(source.entries()[first : first + count]), start=first):
        assert raw.data is not None
        suffix = "jpg" if raw.data.startswith(b"\xff\xd8") else "png"
        (folder / f"logo-{number:04}.{suffix}").write_bytes(raw.data)
