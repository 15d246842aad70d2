"""What plan knows of the sources: remembered, so that an unchanged one is not opened again, and never stale."""

import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from logoflow.config.sections import SourceConfig
from logoflow.errors import UserError
from logoflow.sources import SourceFacts, look_at_sources
from logoflow.store.memo import Memo

HOUR_S = 3600


def settle(path: Path) -> None:
    """Let a file have been written an hour ago."""
    os.utime(path, (time.time() - HOUR_S, time.time() - HOUR_S))


def write_zip(path: Path, *names: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, name)
    settle(path)


def write_table(path: Path, *images: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"image": pa.array(images, pa.binary())}), path)
    settle(path)


def look(tmp_path: Path, **source: Any) -> SourceFacts:
    """The facts of a source, by a memory that outlives the call."""
    memo = Memo(tmp_path / "memo")
    (facts,) = look_at_sources([SourceConfig(name="it", **source)], memo).values()
    memo.save()
    return facts


def test_a_pattern_counts_what_all_its_files_hold(tmp_path: Path) -> None:
    write_zip(tmp_path / "a.zip", "1.png", "2.png")
    write_zip(tmp_path / "b.zip", "3.png")
    before = look(tmp_path, path=f"{tmp_path}/*.zip")
    assert before.images == 3
    write_zip(tmp_path / "c.zip", "4.png")
    after = look(tmp_path, path=f"{tmp_path}/*.zip")
    assert (after.images, after.digest == before.digest) == (4, False)
    (tmp_path / "c.zip").unlink()
    assert look(tmp_path, path=f"{tmp_path}/*.zip") == before


def test_a_folder_of_tables_counts_their_rows(tmp_path: Path) -> None:
    write_table(tmp_path / "t" / "data" / "0.parquet", b"1", b"2")
    write_table(tmp_path / "t" / "data" / "1.parquet", b"3")
    before = look(tmp_path, path=str(tmp_path / "t"))
    assert before.images == 3
    write_table(tmp_path / "t" / "data" / "1.parquet", b"3", b"4")
    assert look(tmp_path, path=str(tmp_path / "t")).images == 4
    assert look(tmp_path, path=str(tmp_path / "t")).digest != before.digest


def test_labels_change_the_digest(tmp_path: Path) -> None:
    (tmp_path / "logos" / "a").mkdir(parents=True)
    (tmp_path / "logos" / "a" / "1.png").write_bytes(b"1")
    write_zip(tmp_path / "a.zip", "a/1.png")
    for path in (tmp_path / "logos", tmp_path / "a.zip"):
        plain, labelled = look(tmp_path, path=str(path)), look(tmp_path, path=str(path), labels="folders")
        assert plain.digest != labelled.digest
        assert plain.images == labelled.images == 1


def test_what_is_remembered_is_known_without_the_libraries_that_read_it(tmp_path: Path) -> None:
    write_zip(tmp_path / "a.zip", "1.png")
    write_table(tmp_path / "t" / "0.parquet", b"1")
    (tmp_path / "logos").mkdir()
    (tmp_path / "logos" / "1.png").write_bytes(b"1")
    paths = [f"{tmp_path}/*.zip", str(tmp_path / "t"), str(tmp_path / "logos"), str(tmp_path / "a.zip")]
    known = [look(tmp_path, path=path) for path in paths]
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from logoflow.config.sections import SourceConfig\n"
        "from logoflow.sources import look_at_sources\n"
        "from logoflow.store.memo import Memo\n"
        "sources = [SourceConfig(name=str(n), path=path) for n, path in enumerate(sys.argv[2:])]\n"
        "print([fact.digest for fact in look_at_sources(sources, Memo(Path(sys.argv[1]))).values()])\n"
        "loaded = {'numpy', 'PIL', 'pyarrow', 'h5py', 'torch', 's3fs', 'prefect'} & set(sys.modules)\n"
        "sys.exit(f'loaded {loaded}' if loaded else 0)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "memo"), *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str([fact.digest for fact in known])


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("nowhere", "nowhere does not exist: check the path"),
        ("*.nothing", r"\*.nothing matches nothing: check the pattern"),
        ("*", "matches sources of several kinds"),
    ],
)
def test_what_cannot_be_a_source_is_refused_by_plan_already(tmp_path: Path, path: str, sentence: str) -> None:
    write_zip(tmp_path / "a.zip", "1.png")
    write_table(tmp_path / "b.parquet", b"1")
    with pytest.raises(UserError, match=sentence):
        look(tmp_path / "..", path=f"{tmp_path}/{path}")


def test_addresses_stay_as_they_are_written_and_keep_no_secrets() -> None:
    assert SourceConfig(name="a", path="s3://bucket//x/*.zip").path == "s3://bucket//x/*.zip"
    assert SourceConfig(name="a", path=Path("collections") / "a.zip").path == "collections/a.zip"  # type: ignore[arg-type]
    assert SourceConfig(name="a", path="~/logos").path == str(Path.home() / "logos")
    with pytest.raises(ValueError, match="holds credentials: write s3://bucket/prefix") as caught:
        SourceConfig(name="a", path="s3://key:secret@bucket/x")
    assert "secret@" not in caught.value.errors()[0]["msg"]  # type: ignore[attr-defined]
