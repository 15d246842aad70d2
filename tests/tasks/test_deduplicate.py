"""deduplicate: which pictures go, by the encoder that ships on real logos; its page says what its figures rest on."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageOps

import data.sample
from benchmarks.artifacts import commit
from data.index import read_index
from data.pixels import fit_squares
from logoflow.config.load import check_config
from logoflow.report.page import read_page
from logoflow.run import Run
from logoflow.store.store import Artifact
from moco.encoder import embed, load_encoder
from moco.shipped import ENCODER
from neighbours.vectors import write_vectors
from tasks.deduplicate import deduplicate

RunIngest = Callable[..., Artifact]
SAMPLE = pq.read_table(Path(data.sample.__file__).with_name("text_labels.parquet")).to_pylist()[::40]


@pytest.fixture(scope="module")
def logos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty logos, three small copies of the first, one of the second enlarged and damaged, and one mirrored."""
    folder = tmp_path_factory.mktemp("logos")
    pictures = [Image.open(io.BytesIO(row["png"])).convert("RGB") for row in SAMPLE]
    for number, picture in enumerate(pictures):
        picture.save(folder / f"{number:02}.png")
    for side in (50, 60, 70):
        pictures[0].resize((side, side), Image.Resampling.BICUBIC).save(folder / f"00-{side}.jpg", quality=80)
    small = pictures[1].resize((40, 40), Image.Resampling.BICUBIC)
    small.resize((256, 256), Image.Resampling.BICUBIC).save(folder / "01-enlarged.jpg", quality=50)
    ImageOps.mirror(pictures[2]).save(folder / "02-mirrored.png")
    return folder


@pytest.fixture
def deduplicated(tmp_path: Path, logos: Path, run_ingest: RunIngest) -> Callable[..., tuple[Artifact, dict[str, str]]]:
    """Runs the stage after ingest with settings; its artifact, and by the name of what goes that of what stays."""

    def make(**settings: object) -> tuple[Artifact, dict[str, str]]:
        values = {
            "name": "small", "ingest": {"sources": [{"name": "logos", "path": str(logos)}], "shard_images": 8},
            "train_encoder": {"batch": 2, "queue": 2, "normalisation_groups": 1}, "cluster": {"k": 2},
            "deduplicate": {"samples": 12, **settings}, "curate": {"resolution": 16},
        }  # fmt: skip
        store = tmp_path / "store"
        run = Run(check_config(values), store)
        table = run_ingest(store, {"logos": logos}, shard_images=8)
        names = {row.id: row.origins[0].name for row in read_index(table.file("images.parquet"))}
        encoder = load_encoder(ENCODER)
        pictures = [np.asarray(Image.open(logos / name).convert("RGB")) for name in names.values()]
        vectors = embed(encoder, fit_squares(pictures, encoder.settings.resolution))
        space = run.workspace()
        trained = commit(space, "train_encoder", {}, "encoder.safetensors", lambda path: shutil.copy(ENCODER, path))
        inputs = {"ingest": table, "train_encoder": trained}
        embedded = commit(space, "embed", inputs, "vectors.arrow", lambda path: write_vectors(path, [*names], vectors))
        state = deduplicate.fn(run, table, embedded, trained)
        assert isinstance(state.data, Artifact)
        rows = pq.read_table(state.data.file("groups.parquet")).to_pylist()
        return state.data, {names[row["id"]]: names[row["kept"]] for row in rows}

    return make


def test_copies_go_and_the_most_detailed_stays(deduplicated: Callable) -> None:
    made, gone = deduplicated()
    assert gone == {f"00-{side}.jpg": "00.png" for side in (50, 60, 70)} | {"01-enlarged.jpg": "01.png"}
    metrics = made.manifest.metrics
    assert (metrics["groups"], metrics["duplicates"], metrics["search_recall"]) == (2, 4, 1)
    page = read_page(made.path)
    assert "Of copies made of 6 logos by which nothing was chosen" in page.summary
    (expected,) = (table for table in page.tables if table.title == "Expected precision")
    assert [row[0] for row in expected.rows[1:]] == [f"one picture in {n} has a copy" for n in (2, 5, 20, 100)]
    assert "doubtful" in expected.caption
    assert {file.name for file in made.path.iterdir()} <= {
        "groups.parquet", "manifest.json", "page.json", "pictures", "missed.png", "duplicates.png",
    }  # nothing of what was laid on the disk  # fmt: skip


def test_mirror_images_are_copies_where_the_policy_says_so(deduplicated: Callable) -> None:
    _, gone = deduplicated(mirrored="copy")
    assert {"02-mirrored.png", "02.png"} & gone.keys()
    assert len(gone) == 5
