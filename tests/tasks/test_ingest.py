"""ingest: a table that grew equals one made from nothing, and costs the new images' work only."""

import errno
import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from data.index import read_index
from data.table import SHARD
from logoflow.config.pipeline import PipelineConfig
from logoflow.errors import UserError
from logoflow.plan import make_plan
from logoflow.resolve import Workspace
from logoflow.store.check import verify
from logoflow.store.store import Artifact, Store

RunIngest = Callable[..., Artifact]
STEPS = 4


def png(seed: int, side: int = 20) -> bytes:
    """A picture of 4 px blocks; the noise of a seed."""
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (side // 4, side // 4, 3), np.uint8).repeat(4, axis=0).repeat(4, axis=1)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def same_picture(data: bytes) -> bytes:
    """The same pixels in other bytes."""
    buffer = io.BytesIO()
    Image.open(io.BytesIO(data)).save(buffer, "BMP")
    return buffer.getvalue()


class World:
    """Two folders and a Parquet file of images, which a random hand edits."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.random = np.random.default_rng(seed)
        self.made = 0
        self.rows: list[dict[str, Any]] = []
        for name in ("first", "second"):
            (folder / name).mkdir(parents=True)
            for _ in range(6):
                self.add(folder / name)
        self.rows = [self.row() for _ in range(5)]
        self.write_rows()

    @property
    def sources(self) -> dict[str, Path]:
        return {name: self.folder / name for name in ("first", "rows.parquet", "second")}

    def edit(self) -> None:
        """Some changes of every kind."""
        for change in self.random.choice([self.add, self.remove, self.rename, self.rewrite, self.copy, self.damage], 4):
            change(self.folder / str(self.random.choice(["first", "second"])))
        for change in self.random.choice(["add", "remove", "label", "shuffle", "twice", "nothing"], 2):
            self.edit_rows(str(change))
        self.write_rows()

    def new(self) -> bytes:
        self.made += 1
        return png(self.made * 1000 + int(self.random.integers(1000)))

    def some(self, folder: Path) -> Path:
        return Path(self.random.choice(sorted(folder.iterdir())))

    def name(self) -> str:
        return f"{self.random.integers(10**6):06}.png"

    def add(self, folder: Path) -> None:
        (folder / self.name()).write_bytes(self.new())

    def remove(self, folder: Path) -> None:
        if len(list(folder.iterdir())) > 3:
            self.some(folder).unlink()

    def rename(self, folder: Path) -> None:
        path = self.some(folder)
        path.rename(folder / self.name())

    def rewrite(self, folder: Path) -> None:
        self.some(folder).write_bytes(self.new())

    def copy(self, folder: Path) -> None:
        data = self.some(self.some_folder()).read_bytes()
        whole = data.startswith(b"\x89PNG") and len(data) > 60
        (folder / self.name()).write_bytes(same_picture(data) if whole and self.random.random() < 0.5 else data)

    def damage(self, folder: Path) -> None:
        (folder / self.name()).write_bytes(self.new()[:50])

    def some_folder(self) -> Path:
        return self.folder / str(self.random.choice(["first", "second"]))

    def row(self) -> dict[str, Any]:
        return {"name": self.name(), "png": self.new(), "label": int(self.random.integers(5)), "licence": "MIT"}

    def edit_rows(self, change: str) -> None:
        which = int(self.random.integers(len(self.rows)))
        if change == "add":
            self.rows.insert(which, self.row())
        elif change == "remove" and len(self.rows) > 3:
            del self.rows[which]
        elif change == "label":
            self.rows[which] |= {"label": 5 + int(self.random.integers(5)), "licence": "CC0-1.0"}
        elif change == "shuffle":
            self.random.shuffle(self.rows)  # type: ignore[arg-type]
        elif change == "twice":  # equal bytes with labels of their own
            self.rows.append({**self.rows[which], "label": int(self.random.integers(10)), "name": self.name()})

    def write_rows(self) -> None:
        pq.write_table(pa.Table.from_pylist(self.rows), self.folder / "rows.parquet")


@pytest.mark.parametrize("seed", range(3))
def test_a_table_that_was_edited_at_random_equals_one_from_nothing(
    tmp_path: Path, run_ingest: RunIngest, seed: int
) -> None:
    world = World(tmp_path / "world", seed)
    settings = {"shard_images": 4, "max_bad_share": 1}
    run_ingest(tmp_path / "grown", world.sources, **settings)
    for step in range(STEPS):
        world.edit()
        grown = run_ingest(tmp_path / "grown", world.sources, **settings)
        fresh = run_ingest(tmp_path / f"fresh{step}", world.sources, **settings)
        for name in ("images.parquet", "quarantine.parquet", "funnel.json"):
            assert grown.file(name).read_bytes() == fresh.file(name).read_bytes(), name
        assert grown.content == fresh.content
        assert grown.manifest.metrics["images_run"] < fresh.manifest.metrics["images_run"]
    assert list(verify(Store(tmp_path / "grown"))) == []


def test_how_entries_are_cut_into_shards_does_not_show_in_the_table(tmp_path: Path, run_ingest: RunIngest) -> None:
    world = World(tmp_path / "world", 9)
    for _ in range(4):
        world.edit()
    contents = {
        run_ingest(tmp_path / f"by{size}", world.sources, shard_images=size, max_bad_share=1).content
        for size in (1, 3, 1000)
    }
    assert len(contents) == 1


def test_a_rewritten_container_decodes_what_is_new_and_takes_the_labels_of_now(
    tmp_path: Path, run_ingest: RunIngest
) -> None:
    rows = [{"name": f"{n}.png", "png": png(n), "label": n, "licence": "MIT"} for n in range(8)]
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    first = run_ingest(tmp_path / "store", {"rows": path})
    rows[3] |= {"label": 77, "licence": "CC0-1.0", "name": "renamed.png"}
    pq.write_table(pa.Table.from_pylist([*rows[1:], {**rows[0], "png": png(99)}]), path)
    second = run_ingest(tmp_path / "store", {"rows": path})
    assert second.manifest.metrics["images_run"] == 1
    assert set(first.manifest.units) < set(second.manifest.units)
    by_name = {row.origins[0].name: row for row in read_index(second.file("images.parquet"))}
    assert (by_name["renamed.png"].labels, by_name["renamed.png"].licence) == ({"label": 77}, "CC0-1.0")


def test_a_renamed_file_is_not_decoded_again(tmp_path: Path, run_ingest: RunIngest) -> None:
    logos = tmp_path / "logos"
    logos.mkdir()
    for n in range(5):
        (logos / f"{n}.png").write_bytes(png(n))
    run_ingest(tmp_path / "store", {"logos": logos})
    (logos / "4.png").rename(logos / "0000.png")
    renamed = run_ingest(tmp_path / "store", {"logos": logos})
    assert renamed.manifest.metrics["images_run"] == 0
    assert read_names(renamed) == {"0.png", "0000.png", "1.png", "2.png", "3.png"}


def test_what_is_said_of_sources_is_not_in_their_pictures(tmp_path: Path, run_ingest: RunIngest) -> None:
    rows = [{"name": f"{n}.png", "png": png(n), "licence": "MIT" if n else None} for n in range(4)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    for n in range(3, 9):
        (tmp_path / "logos" / "ab"[n % 2]).mkdir(parents=True, exist_ok=True)
        (tmp_path / "logos" / "ab"[n % 2] / f"{n}.png").write_bytes(png(n))
    logos = {"name": "logos", "path": str(tmp_path / "logos")}
    table = {"name": "rows", "path": str(tmp_path / "rows.parquet")}
    for step, (sources, decoded) in enumerate(
        [
            ([logos], 6),
            ([logos, table], 4),  # added: its own images only
            ([table, logos], 0),  # in another order
            ([{**table, "name": "others"}, {**logos, "name": "mine"}], 0),
            ([{**table, "licence": "CC0-1.0"}, {**logos, "licence": "CC-BY-4.0"}], 0),
            ([{**table, "licence": "CC0-1.0"}, {**logos, "labels": "folders"}], 0),
        ]
    ):
        grown = run_ingest(tmp_path / "store", sources)
        assert grown.manifest.metrics["images_run"] == decoded, step
        assert grown.content == run_ingest(tmp_path / f"scratch{step}", sources).content, step
    found = {row.origins[0].name: row for row in read_index(grown.file("images.parquet"))}
    assert [(found[f"{n}.png"].licence) for n in range(4)] == ["CC0-1.0", "MIT", "MIT", "MIT"]
    assert (found["b/5.png"].labels, found["a/4.png"].labels) == ({"folder": 1}, {"folder": 0})


def read_names(artifact: Artifact) -> set[str]:
    return {origin.name for row in read_index(artifact.file("images.parquet")) for origin in row.origins}


def test_a_plan_counts_the_images_that_came_and_went(
    tmp_path: Path, run_ingest: RunIngest, make_config: Callable[..., PipelineConfig]
) -> None:
    world = World(tmp_path / "world", 1)
    run_ingest(tmp_path / "store", world.sources)
    space = Workspace.open(tmp_path / "store")

    def reason(sources: dict[str, Path]) -> str:
        return make_plan(make_config(sources), space)[0].reason

    assert reason(world.sources) == "up to date"
    files = sorted((world.folder / "first").iterdir())
    files[0].unlink()
    files[1].write_bytes(png(77))  # comes and goes
    for _ in range(3):
        world.add(world.folder / "first")
    assert reason(world.sources) == "first: +4 \N{MINUS SIGN}2 images"
    world.rows = world.rows[1:]
    world.write_rows()
    assert reason(world.sources) == "first: +4 \N{MINUS SIGN}2 images, rows.parquet: \N{MINUS SIGN}1 images"
    assert "second: \N{MINUS SIGN}6 images" in reason({"first": world.folder / "first"})


def test_shards_are_of_even_bytes(tmp_path: Path, run_ingest: RunIngest) -> None:
    logos = tmp_path / "logos"
    logos.mkdir()
    for n, side in enumerate(np.random.default_rng(0).choice([16, 20, 40, 200, 400], 60)):
        (logos / f"{n:03}.png").write_bytes(png(n, int(side)))
    total = sum(path.stat().st_size for path in logos.iterdir())
    table = run_ingest(tmp_path / "store", {"logos": logos}, shard_bytes=total // 6 + 1, shard_images=30)
    store = Store(tmp_path / "store")
    sizes = [pq.read_table(store.unit(unit).file(SHARD))["image"].to_pylist() for unit in table.manifest.units]
    encoded = [sum(len(image["bytes"]) for image in images) for images in sizes]
    assert len(encoded) == 6
    assert max(encoded) < 1.25 * min(encoded)


def test_animated_pictures_are_counted_and_examples_of_each_reason_are_shown(
    tmp_path: Path, run_ingest: RunIngest
) -> None:
    logos = tmp_path / "logos"
    logos.mkdir()
    for n in range(4):
        (logos / f"{n}.png").write_bytes(png(n))
    frames = [Image.open(io.BytesIO(png(n))) for n in (10, 11)]
    frames[0].save(logos / "moving.gif", save_all=True, append_images=frames[1:])
    (logos / "small.png").write_bytes(png(1, 8))
    (logos / "cut.png").write_bytes(png(2, 400)[:600])
    (logos / "text.png").write_text("no picture")
    table = run_ingest(tmp_path / "store", {"logos": logos})
    funnel = json.loads(table.file("funnel.json").read_text())
    assert funnel["animated"] == 1
    assert funnel["reasons"] == {"too_small": 1, "truncated": 1, "unreadable": 1}
    page = json.loads((table.path / "page.json").read_text())
    assert "1 with several frames" in page["summary"]
    (shown,) = (picture for picture in page["pictures"] if picture["title"] == "In quarantine")
    assert "2 logos" in shown["alt"]  # of text nothing can be seen
    with Image.open(table.path / shown["file"]) as sheet:
        assert sheet.width > 2 * 112


def test_a_source_that_is_plainly_wrong_stops_the_run(tmp_path: Path, run_ingest: RunIngest) -> None:
    logos = tmp_path / "logos"
    logos.mkdir()
    (logos / "0.png").write_bytes(png(0))
    for n in range(3):
        (logos / f"text{n}.png").write_text("no picture")
    with pytest.raises(UserError, match=r"3 of 4 images of logos cannot be used \(3 unreadable\).*max_bad_share"):
        run_ingest(tmp_path / "store", {"logos": logos})
    shutil.rmtree(logos)
    os.mkdir(logos)  # noqa: PTH102
    with pytest.raises(UserError, match="holds no images"):
        run_ingest(tmp_path / "store", {"logos": logos})


def test_a_disk_that_fails_for_a_moment_stops_the_run_and_leaves_no_trace(
    tmp_path: Path, run_ingest: RunIngest, monkeypatch: pytest.MonkeyPatch
) -> None:
    logos = tmp_path / "logos"
    logos.mkdir()
    for n in range(6):
        (logos / f"{n}.png").write_bytes(png(n))
    read_bytes, failures = Path.read_bytes, [errno.EIO] * 5

    def failing(path: Path) -> bytes:
        if path.name == "3.png" and failures:
            raise OSError(failures.pop(), "Input/output error", str(path))
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", failing)
    with pytest.raises(UserError, match=r"3\.png cannot be read now \(Input/output error\): run again"):
        run_ingest(tmp_path / "store", {"logos": logos}, shard_images=2)
    assert failures == [errno.EIO]  # that a retry overcomes
    table = run_ingest(tmp_path / "store", {"logos": logos}, shard_images=2)
    assert (table.manifest.metrics["quarantined"], table.manifest.metrics["distinct"]) == (0, 6)
    assert failures == []


def test_what_was_left_out_is_counted_and_shown_with_a_remedy(tmp_path: Path, run_ingest: RunIngest) -> None:
    logos = tmp_path / "logos"
    logos.mkdir()
    for n in range(3):
        (logos / f"{n}.png").write_bytes(png(n))
    whole = run_ingest(tmp_path / "store", {"logos": logos})
    for name in ("0001", "more.zip", "icons.pkl", "icons2.pkl"):
        (logos / name).write_bytes(b"x")
    (logos / "4.png").write_bytes(png(4))
    table = run_ingest(tmp_path / "store", {"logos": logos})
    assert (whole.manifest.metrics["ignored"], table.manifest.metrics["ignored"]) == (0, 4)
    page = json.loads((table.path / "page.json").read_text())
    (shown,) = (given for given in page["tables"] if given["title"] == "Left out")
    counts = {row[1]: row[2] for row in shown["rows"]}
    assert (
        counts == {".pkl": 2, ".zip": 1, "no suffix": 1} == json.loads(table.file("ignored.json").read_text())["logos"]
    )
    assert "FOLDER/*.zip" in shown["rows"][[row[1] for row in shown["rows"]].index(".zip")][3]


def test_of_several_archives_a_damaged_one_costs_itself_only(
    tmp_path: Path, run_ingest: RunIngest, make_config: Callable[..., PipelineConfig]
) -> None:
    for part, seeds in {"a": range(5), "b": (5, 6), "c": ()}.items():
        with zipfile.ZipFile(tmp_path / f"{part}.zip", "w") as archive:
            for seed in seeds:
                archive.writestr(f"{seed}.png", png(seed))
    sources = {"zips": f"{tmp_path}/*.zip"}
    run_ingest(tmp_path / "store", sources)
    (tmp_path / "b.zip").write_bytes((tmp_path / "b.zip").read_bytes()[:-40])
    space = Workspace.open(tmp_path / "store")
    assert make_plan(make_config(sources), space)[0].reason == "zips: +1 \N{MINUS SIGN}2 images"
    table = run_ingest(tmp_path / "store", sources)
    (bad,) = pq.read_table(table.file("quarantine.parquet")).to_pylist()
    assert (bad["name"], bad["reason"]) == ("b.zip", "unreadable")
    assert table.manifest.metrics["distinct"] == 5
    with pytest.raises(UserError, match=r"1 of 6 images of zips cannot be used \(1 unreadable\)"):
        run_ingest(tmp_path / "store", sources, max_bad_share=0.1)
