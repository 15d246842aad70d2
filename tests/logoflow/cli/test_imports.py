"""Commands that only look load no heavy library: that is why they answer in a fraction of a second."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from logoflow.config.load import check_config
from logoflow.plan import make_plan
from logoflow.resolve import Workspace

HEAVY = ("torch", "prefect", "sklearn", "scipy", "faiss", "matplotlib", "pyarrow", "h5py", "numpy", "PIL", "fsspec")

RUN = """
import sys
from logoflow.cli.main import main

try:
    main()
finally:
    loaded = {name.partition(".")[0] for name in sys.modules}
    print("LOADED", *sorted(loaded & set(%r)), file=sys.stderr)
"""


@pytest.fixture
def experiment(tmp_path: Path, values: dict[str, Any]) -> str:
    values["ingest"]["sources"] = [write_file_source(tmp_path)]
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(values))
    return str(path)


def write_file_source(folder: Path) -> dict[str, Any]:
    """A Parquet source, whose facts are remembered by its stat (a folder is listed each time)."""
    table = pa.table({"image": [{"bytes": b"bytes of %d" % n, "path": f"{n}.png"} for n in range(20)]})
    pq.write_table(table, folder / "logos.parquet")
    os.utime(folder / "logos.parquet", (0, 0))
    return {"name": "logos", "path": str(folder / "logos.parquet")}


@pytest.mark.parametrize(
    "command",
    [("plan", "--check", "{experiment}"), ("run", "{experiment}"), ("status",), ("plan", "--help"), ("mix", "--help")],
    ids=" ".join,
)
def test_looking_loads_no_heavy_library(
    command: tuple[str, ...], experiment: str, values: dict[str, Any], rehearse: Any, space: Workspace
) -> None:
    rehearse(check_config(values))
    make_plan(check_config(values), space)  # remembers the source
    arguments = [argument.format(experiment=experiment) for argument in command]
    answer = subprocess.run(
        [sys.executable, "-c", RUN % (HEAVY,), *arguments],
        env={"LOGOFLOW_STORE": str(space.store.root), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr.split() == ["LOADED"]
