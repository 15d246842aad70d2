"""What people give by mistake or malice: a clear sentence and exit code 2, or a quarantined row, and nothing lost."""

import os
import struct
import subprocess
import zipfile
import zlib
from pathlib import Path

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from small_pipeline import ROOT, Pipeline, Server, write_logos

from logoflow.store.store import Store

GOOD = 20


@pytest.fixture
def pipeline(server: Server, tmp_path: Path) -> Pipeline:
    """A pipeline over twenty good logos."""
    small = Pipeline(tmp_path / "small", server.environment)
    small.folder.mkdir()
    write_logos(small.logos, 0, GOOD)
    small.write_config()
    return small


def use_source(pipeline: Pipeline, path: Path) -> None:
    """Let the pipeline read this path instead."""
    values = yaml.safe_load(pipeline.config.read_text())
    values["ingest"]["sources"] = [{"name": "given", "path": str(path)}]
    pipeline.config.write_text(yaml.safe_dump(values))


def ingest(pipeline: Pipeline) -> list[dict[str, str]]:
    """Run ingest alone, which must end well; the quarantine."""
    pipeline.run("--only", "ingest")
    (artifact,) = Store(pipeline.store).artifacts("ingest")
    assert pq.read_metadata(artifact.file("images.parquet")).num_rows == GOOD
    return pq.read_table(artifact.file("quarantine.parquet")).to_pylist()


def refusal(pipeline: Pipeline, command: str = "run") -> str:
    """Run the pipeline, which must refuse; its one sentence."""
    done = pipeline.logoflow(command, str(pipeline.config))
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    (line,) = done.stderr.strip().splitlines()
    return line


@pytest.mark.parametrize("command", ["plan", "run"])
def test_an_empty_folder_is_refused(pipeline: Pipeline, tmp_path: Path, command: str) -> None:
    (tmp_path / "empty").mkdir()
    use_source(pipeline, tmp_path / "empty")
    assert "holds no images" in refusal(pipeline, command)


def test_a_missing_folder_is_refused(pipeline: Pipeline, tmp_path: Path) -> None:
    use_source(pipeline, tmp_path / "nowhere")
    assert "does not exist: check the path" in refusal(pipeline)


def test_a_zip_cannot_leave_its_place(pipeline: Pipeline, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        for path in pipeline.logos.iterdir():
            archive.write(path, path.name)
        archive.write(path, "../../escaped.png")
    use_source(pipeline, tmp_path / "evil.zip")
    assert [row["reason"] for row in ingest(pipeline)] == ["path_escape"]
    assert not list(tmp_path.rglob("escaped.png"))


def test_a_truncated_hdf5_is_refused(pipeline: Pipeline, tmp_path: Path) -> None:
    whole = tmp_path / "whole.hdf5"
    with h5py.File(whole, "w") as file:
        file["data"] = np.random.default_rng(0).integers(0, 256, (20, 3, 32, 32), np.uint8)
    cut = tmp_path / "cut.hdf5"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    use_source(pipeline, cut)
    assert str(cut) in refusal(pipeline)


def test_a_text_file_named_png_is_quarantined(pipeline: Pipeline) -> None:
    (pipeline.logos / "notes.png").write_text("meeting at noon")
    (row,) = ingest(pipeline)
    assert (row["name"], row["reason"]) == ("notes.png", "unreadable")


def test_a_bomb_is_quarantined_without_decoding_it(pipeline: Pipeline) -> None:
    (pipeline.logos / "bomb.png").write_bytes(bomb(50_000))
    (row,) = ingest(pipeline)
    assert (row["name"], row["reason"]) == ("bomb.png", "bomb")


def bomb(side: int) -> bytes:
    """A valid PNG of side x side black pixels, 1 bit each: kilobytes that become gigabytes."""
    squeeze = zlib.compressobj(9)
    row = bytes(1 + side // 8)
    pixels = b"".join(squeeze.compress(row) for _ in range(side)) + squeeze.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def test_a_folder_without_permission_is_refused(pipeline: Pipeline, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(0)
    use_source(pipeline, closed)
    command = pipeline.command("plan", str(pipeline.config))
    if os.getuid() == 0:  # root may read everything, unless it gives that power away
        powers = "-dac_override,-dac_read_search"
        command = ["setpriv", f"--bounding-set={powers}", f"--inh-caps={powers}", *command]
    done = subprocess.run(command, env=pipeline.environment, cwd=ROOT, capture_output=True, text=True, check=False)
    closed.chmod(0o755)
    assert done.returncode == 2, done.stderr
    assert "may not be read by this user: allow it (chmod)" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("cluster.kk=12", "cluster.kk is not a key of the configuration: did you mean k?"),
        ("cluster.k=many", "cluster.k is 'many', but it should be a valid integer"),
        ("curate.resolution=37", "curate.resolution is 37, which no generator reaches"),
        ("cluster.k=500", "cluster.k is 500, but"),
        ("train_gan.batch=500", "train_gan.batch is 500, but"),
    ],
)
def test_an_impossible_setting_is_refused_before_anything_runs(pipeline: Pipeline, setting: str, sentence: str) -> None:
    done = pipeline.logoflow("run", str(pipeline.config), "--set", setting)
    assert done.returncode == 2, done.stdout + done.stderr
    assert sentence in done.stderr
    assert list(Store(pipeline.store).artifacts()) == []
