"""The pipeline as its users run it: from the command line, against a real server, on real logos."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from small_pipeline import LOGOS, Pipeline, write_logos
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from logoflow.report.page import read_page
from logoflow.stages import STAGES
from logoflow.status import read_runs
from logoflow.store.ledger import Ledger
from logoflow.store.store import Artifact, Store
from moco.shipped import ENCODER
from neighbours.vectors import read_vectors


def newest(pipeline: Pipeline) -> dict[str, Artifact]:
    """The newest artifact of each stage."""
    store = Store(pipeline.store)
    return {name: list(store.artifacts(name))[-1] for name in STAGES}


def plan(pipeline: Pipeline, *arguments: str) -> dict[str, dict[str, str]]:
    """What `plan --json` says, by stage."""
    done = pipeline.logoflow("plan", str(pipeline.config), "--json", *arguments)
    assert done.returncode in (0, 3), done.stderr
    return {row["stage"]: row for row in json.loads(done.stdout)}


def test_every_image_is_accounted_for(finished: Pipeline) -> None:
    made = newest(finished)
    facts = json.loads(made["report"].file("report.json").read_text())
    assert facts["offered"] == LOGOS + 1
    assert facts["departures"]["Quarantined"] == 1
    assert facts["training_set"] == facts["offered"] - sum(facts["departures"].values())
    assert facts["training_set"] == len(np.load(made["curate"].file("labels.npy")))


def test_each_stage_writes_what_it_says(finished: Pipeline) -> None:
    made = newest(finished)
    (bad,) = pq.read_table(made["ingest"].file("quarantine.parquet")).to_pylist()
    assert (bad["name"], bad["reason"]) == ("notes.png", "unreadable")
    decisions = pq.read_table(made["detect_text"].file("decisions.parquet")).to_pylist()
    kept = {row["id"] for row in decisions if not row["has_text"]}
    ids, vectors, outlines = read_vectors(made["embed"].file("vectors.arrow"))
    assert set(ids) == kept
    for rows in (vectors, outlines):
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    labels = np.load(made["curate"].file("labels.npy"))
    pixels = np.load(made["curate"].file("pixels.npy"))
    assert pixels.shape == (len(labels), 3, 16, 16)
    assert set(labels) <= {0, 1, 2}
    samples = np.load(made["generate"].file("samples.npy"))
    assert samples.shape == (3, 3, 3, 16, 16)
    assert samples.std() > 0
    lines = [json.loads(line) for line in made["train_gan"].file("curve.jsonl").read_text().splitlines()]
    scored = {line["kimg"]: line["score"] for line in lines if "score" in line}
    trained = made["train_gan"].manifest.metrics
    assert trained["score"] == min(scored.values()) == scored[trained["kept_kimg"]]
    scores = json.loads(made["evaluate"].file("metrics.json").read_text())
    assert scores["frechet_efficientnet-lite0"] > 0
    spaces = ["efficientnet-lite0", f"moco-{hashlib.sha256(ENCODER.read_bytes()).hexdigest()[:8]}"]
    assert scores["spaces"] == spaces
    for space in spaces:
        assert 0 <= scores[f"coverage_{space}"] <= 1
        n, m = made["curate"].manifest.metrics["images"], 12  # of two neighbours, neither is generated
        assert scores[f"coverage_floor_{space}"] == pytest.approx(1 - (n - 1) / (n + m - 1) * (n - 2) / (n + m - 2))
    assert scores[f"path_length_{spaces[0]}"] > 0
    assert f"path_length_{spaces[1]}" not in scores  # 8-bit pictures hide steps that small


def test_the_report_opens_and_its_links_resolve(finished: Pipeline) -> None:
    report = newest(finished)["report"]
    index = report.file("index.html").read_text()
    for name in STAGES:
        assert name == "report" or f'href="{name}.html"' in index
        assert name == "report" or report.file(f"{name}.html").exists()


def test_two_generators_of_the_same_logos_are_compared(finished: Pipeline, tmp_path: Path) -> None:
    both = finished.copy(tmp_path / "both")
    first = newest(both)["evaluate"]
    both.run("--set", "train_gan.classes=0")
    second = newest(both)["evaluate"]
    (table,) = (table for table in read_page(second.path).tables if table.title.startswith("Beside other"))
    (mine, theirs) = table.rows
    assert theirs[1] == "classes None, not 0"
    for row, artifact in ((mine, second), (theirs, first)):
        scores = json.loads(artifact.file("metrics.json").read_text())
        assert row[2] == scores["frechet_efficientnet-lite0"]
    assert not any(table.title.startswith("Beside other") for table in read_page(first.path).tables)


def test_nothing_is_left_to_do(finished: Pipeline) -> None:
    assert {row["action"] for row in plan(finished).values()} == {"up to date"}
    assert finished.logoflow("plan", str(finished.config), "--check").returncode == 0
    assert "Nothing to do: all 11 stages are up to date." in finished.run()


def test_a_changed_k_runs_cluster_and_what_follows_only(finished: Pipeline) -> None:
    steps = plan(finished, "--set", "cluster.k=4")
    up_to_date = {"ingest", "detect_text", "train_encoder", "embed", "deduplicate"}
    assert {name for name, step in steps.items() if step["action"] == "up to date"} == up_to_date
    assert (steps["cluster"]["action"], steps["cluster"]["reason"]) == ("run", "config k: 3 -> 4")
    assert finished.logoflow("plan", str(finished.config), "--check", "--set", "cluster.k=4").returncode == 3


def test_a_changed_threshold_and_a_human_decision_run_no_network(finished: Pipeline, tmp_path: Path) -> None:
    changed = finished.copy(tmp_path / "changed")
    changed.run("--only", "detect_text", "--set", "detect_text.threshold=0.6")
    text = newest(changed)["detect_text"]
    assert text.manifest.metrics["units_run"] == 0

    decisions = {row["id"]: row for row in pq.read_table(text.file("decisions.parquet")).to_pylist()}
    overruled = next(i for i, row in decisions.items() if not row["has_text"])
    review = changed.folder / "review.csv"
    review.write_text(f"id,has_text\n{overruled},yes\n")
    setting = ("--set", f"detect_text.review={review}")
    changed.run("--only", "detect_text", *setting)
    text = newest(changed)["detect_text"]
    assert text.manifest.metrics["units_run"] == 0
    assert text.manifest.metrics["overruled"] == 1
    after = {row["id"]: row for row in pq.read_table(text.file("decisions.parquet")).to_pylist()}
    assert {i for i, row in after.items() if row["decided_by"] == "review"} == {overruled}
    assert after[overruled]["has_text"]
    assert text.file("pictures/overruled.png").exists()
    review.write_text(f"id,has_text\n{overruled},no\n")
    assert plan(changed, *setting)["detect_text"]["reason"] == "file review changed"


def test_check_names_the_logo_that_a_picture_repeats_among_those_of_a_run(finished: Pipeline, tmp_path: Path) -> None:
    rows = {row["id"]: row for row in pq.read_table(newest(finished)["ingest"].file("images.parquet")).to_pylist()}
    known = read_vectors(newest(finished)["embed"].file("vectors.arrow"))[0][3]
    name = rows[known]["origins"][0]["name"]
    with Image.open(finished.logos / name) as image:
        image.convert("RGBA").save(tmp_path / "again.png")
    run = json.loads(finished.logoflow("runs", "--json").stdout)[-1]["run"]
    answers = [
        finished.logoflow("check", str(tmp_path / "again.png"), "--json", *against)
        for against in ((), ("--against", run), ("--against", str(finished.logos)))
    ]
    for done in answers:
        assert done.returncode == 0, done.stderr
        (told,) = json.loads(done.stdout)
        assert (told["copy"], told["verdict"]) == (True, "copy")
        assert Path(told["nearest"][0]["name"]).name == name
    assert json.loads(answers[0].stdout)[0]["nearest"][0]["id"] == known
    done = finished.logoflow("check", str(tmp_path / "again.png"), "--against", "nothing")
    assert (done.returncode, "nothing is no file, and no runs have an id" in done.stderr) == (2, True)


def test_search_finds_logos_by_id_by_name_and_by_picture(finished: Pipeline, tmp_path: Path) -> None:
    ids, vectors, outlines = read_vectors(newest(finished)["embed"].file("vectors.arrow"))
    matrix = np.concatenate([vectors, 2.5 * outlines], axis=1)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    distances = np.linalg.norm(matrix - matrix[3], axis=1)
    expected = [ids[row] for row in np.argsort(distances) if row != 3][:5]

    def search(*arguments: str) -> list[dict[str, Any]]:
        done = finished.logoflow("search", *arguments, "-k", "5", "--json")
        assert done.returncode == 0, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    found = search(ids[3][:10])
    assert [row["id"] for row in found] == expected
    assert [row["distance"] for row in found] == pytest.approx(np.sort(distances)[1:6], abs=1e-3)
    assert {row["cluster"] for row in found} <= {0, 1, 2}
    rows = {row["id"]: row for row in pq.read_table(newest(finished)["ingest"].file("images.parquet")).to_pylist()}
    name = rows[ids[3]]["origins"][0]["name"]
    assert search(name) == found
    sheet = tmp_path / "sheet.png"
    by_picture = search(str(finished.logos / name), "--sheet", str(sheet))
    assert (by_picture[0]["id"], by_picture[0]["distance"]) == (ids[3], pytest.approx(0, abs=0.01))
    assert Image.open(sheet).width > 500
    done = finished.logoflow("search", "nobody")
    assert (done.returncode, "no logo without text has the id or name nobody" in done.stderr) == (2, True)
    with ZipFile(tmp_path / "several.zip", "w") as archive:
        for path in sorted(finished.logos.iterdir())[:3]:
            archive.write(path, path.name)
    done = finished.logoflow("search", str(tmp_path / "several.zip"))
    assert (done.returncode, "holds several images" in done.stderr) == (2, True)


def test_new_images_cost_their_own_work_only(finished: Pipeline, tmp_path: Path) -> None:
    grown = finished.copy(tmp_path / "grown")
    write_logos(grown.logos, LOGOS, 3)
    min(grown.logos.glob("logo-*")).unlink()
    assert plan(grown)["ingest"]["action"] == "run"
    grown.run("--set", "train_encoder.retrain.share=0.5", "--set", "train_gan.retrain.share=0.5")
    made = newest(grown)
    assert made["ingest"].manifest.metrics["images_run"] == 3
    assert made["detect_text"].manifest.metrics["images_run"] == 3
    assert made["embed"].manifest.metrics["images_run"] <= 16 + 3  # the shard that lost an image, and the new one
    first = newest(finished)
    assert made["train_encoder"].content == first["train_encoder"].content
    assert made["train_gan"].content == first["train_gan"].content
    told = read_runs(Ledger(grown.store / ".ledger.sqlite"))[0].stages
    for model in ("train_encoder", "train_gan"):
        assert (told[model].state, told[model].reason.partition(":")[0]) == ("cached", "kept")
    units = {unit["unit"]: unit["units_run"] for unit in told["detect_text"].units}
    assert units == {"detect_text.scores": 1}  # the shard of the three that are new
    strict = plan(grown, "--set", "train_encoder.retrain.share=0")["train_encoder"]
    assert (strict["action"], "limit 0.0%" in strict["reason"]) == ("run", True)

    fresh = Pipeline(tmp_path / "fresh", grown.environment)  # a build from nothing gives the same table
    shutil.copytree(grown.logos, fresh.logos)
    fresh.write_config()
    fresh.run("--only", "ingest")
    (rebuilt,) = Store(fresh.store).artifacts("ingest")
    assert rebuilt.content == made["ingest"].content


def test_a_single_stage_refuses_stale_inputs(finished: Pipeline) -> None:
    done = finished.logoflow("run", str(finished.config), "--only", "curate", "--set", "cluster.k=4")
    assert done.returncode == 2
    assert "curate rests on cluster, which is not up to date (config k: 3 -> 4)" in done.stderr


def test_a_run_up_to_a_stage_leaves_out_what_that_does_not_rest_on(finished: Pipeline, tmp_path: Path) -> None:
    up_to = finished.copy(tmp_path / "up_to")
    before = {name: len(list(Store(up_to.store).artifacts(name))) for name in STAGES}
    assert "Report:" not in up_to.run("--to", "cluster", "--set", "cluster.k=4")
    made = {name: len(list(Store(up_to.store).artifacts(name))) for name in STAGES}
    assert made == before | {"cluster": before["cluster"] + 1}
    assert "all 5 stages are up to date" in up_to.run("--to", "cluster", "--set", "cluster.k=4")


def test_a_forced_stage_is_built_again_and_compared(finished: Pipeline, tmp_path: Path) -> None:
    before = newest(finished)["train_gan"].content
    assert "forced: reproduced" in finished.run(
        "--only", "train_gan", "--force", "train_gan", "--set", f"tensorboard={tmp_path}"
    )
    assert newest(finished)["train_gan"].content == before
    (folder,) = (tmp_path / "small").iterdir()
    events = EventAccumulator(str(folder))
    events.Reload()  # type: ignore[no-untyped-call]
    steps = [event.step for event in events.Scalars("loss_generator")]
    assert steps == list(range(2, 17, 2))  # 128 images by 8, a tick for 16


def test_runs_tells_of_the_run(finished: Pipeline) -> None:
    first = json.loads(finished.logoflow("runs", "--json").stdout)[-1]
    assert (first["pipeline"], first["state"]) == ("small", "completed")


def test_status_tells_of_the_run_and_that_everything_is_up_to_date(finished: Pipeline) -> None:
    (told,) = json.loads(finished.logoflow("status", "--json").stdout)["pipelines"]
    assert (told["name"], told["last_run"]["state"], told["plan_error"]) == ("small", "completed", None)
    assert {stage["state"] for stage in told["stages"]} <= {"built", "cached", "up to date"}
    assert all(stage["duration_s"] > 0 for stage in told["stages"])
    assert 0 <= told["quality"]["text_share"] <= 1
    assert told["quality"]["distances"]
