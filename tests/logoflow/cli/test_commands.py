"""The commands: what they print for programs and for people, and their exit codes."""

import json
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from logoflow.cli.look import figure
from logoflow.cli.main import main
from logoflow.config.load import check_config
from logoflow.errors import UserError
from logoflow.resolve import Workspace
from logoflow.run import Run
from logoflow.stages import STAGES
from logoflow.store.ledger import Event, Kind
from logoflow.store.manifest import Parts


class Answer(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def experiment(tmp_path: Path, values: dict[str, Any]) -> str:
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(values))
    return str(path)


@pytest.fixture
def logoflow(
    space: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., Answer]:
    """Give a command line; the store is that of `space` unless it names one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOGOFLOW_STORE", str(space.store.root))
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: str) -> Answer:
        monkeypatch.setattr(sys, "argv", ["logoflow", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        code = end.value.code
        return Answer(code if isinstance(code, int) else 0 if code is None else 1, *capsys.readouterr())

    return call


def test_plan_tells_programs_the_action_and_reason_of_every_stage(
    logoflow: Callable[..., Answer], experiment: str, values: dict[str, Any], rehearse: Any
) -> None:
    made = rehearse(check_config(values))
    answer = logoflow("plan", experiment, "--json")
    assert answer.code == 0
    assert answer.json == [
        {"stage": name, "action": "up to date", "reason": "up to date", "artifact": artifact.short}
        for name, artifact in made.items()
    ]
    changed = logoflow("plan", experiment, "--set", "cluster.k=12", "--json")
    assert changed.code == 0
    assert changed.json[list(STAGES).index("cluster")] == {
        "stage": "cluster",
        "action": "run",
        "reason": "config k: 10 -> 12",
        "artifact": "",
    }


def test_plan_check_exits_with_3_when_anything_would_run(
    logoflow: Callable[..., Answer], experiment: str, values: dict[str, Any], rehearse: Any
) -> None:
    assert logoflow("plan", experiment, "--check").code == 3
    rehearse(check_config(values))
    assert logoflow("plan", experiment, "--check").code == 0
    assert logoflow("plan", experiment, "--check", "--set", "report.title=New").code == 3


def test_the_table_of_a_plan_shows_reasons_whole_and_as_they_are(
    logoflow: Callable[..., Answer], experiment: str, values: dict[str, Any], rehearse: Any
) -> None:
    rehearse(check_config(values))
    out = logoflow("plan", experiment, "--set", "cluster.compare=[2, 3]", "--set", "report.title='[bold]x[/bold]'").out
    assert "config compare: [2, 4, 6, 8, 10, 12, 16] -> [2, 3]" in out
    assert "config title:  -> [bold]x[/bold]" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("plan", "nowhere.yaml"), "cannot read nowhere.yaml"),
        (
            ("plan", "{experiment}", "--set", "cluster.kk=1"),
            "cluster.kk is not a key of the configuration: did you mean k?",
        ),
        (("plan", "{experiment}", "--set", "cluster.k=99"), "only 20 images"),
        (("plan", "{experiment}", "--set", "detect_text.weights=w.pth"), "detect_text.weights is w.pth"),
        (("plan", "{experiment}", "--bogus"), "No such option"),
        (("run", "{experiment}", "--only", "clusters"), "there is no stage clusters: the stages are ingest, "),
        (("run", "{experiment}", "--from", "clusters"), "there is no stage clusters"),
        (("run", "{experiment}", "--force", "clusters"), "there is no stage clusters"),
        (
            ("run", "{experiment}", "--only", "cluster", "--from", "embed"),
            "either only cluster runs, or all from embed on",
        ),
        (("run", "{experiment}", "--only", "cluster", "--force", "embed"), "so embed is not built again"),
        (("show", "clusters"), "there is no stage clusters"),
        (("status", "--store", "{folder}"), "other things in it"),
        (("plan", "{experiment}", "--store", "{experiment}"), "other things in it"),
        (("gc", "--keep-last", "0"), "--keep-last"),
        (("bogus",), "No such command"),
    ],
)
def test_what_a_user_can_mend_is_said_on_stderr_with_exit_code_2(
    logoflow: Callable[..., Answer], experiment: str, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    filled = [argument.format(experiment=experiment, folder=tmp_path) for argument in arguments]
    answer = logoflow(*filled)
    assert answer.code == 2
    assert words in answer.err
    assert answer.out == ""
    assert "Traceback" not in answer.err
    if "Usage:" not in answer.err:
        assert len(answer.err.strip().splitlines()) == 1


def test_debug_shows_where_an_error_came_from(logoflow: Callable[..., Answer]) -> None:
    answer = logoflow("plan", "nowhere.yaml", "--debug")
    assert answer.code == 2
    assert "Traceback" in answer.err
    assert "cannot read nowhere.yaml" in answer.err.splitlines()[-1]


def test_run_with_nothing_to_do_says_so_and_where_the_report_is(
    logoflow: Callable[..., Answer], experiment: str, values: dict[str, Any], rehearse: Any, space: Workspace
) -> None:
    made = rehearse(check_config(values))
    events = space.ledger.events()
    answer = logoflow("run", experiment)
    assert answer.code == 0
    first, second = answer.out.splitlines()
    assert first == "Nothing to do: all 11 stages are up to date."
    assert second == f"Report: {(made['report'].path / 'index.html').relative_to(space.store.root.parent)}"
    assert space.ledger.events() == events


@pytest.mark.parametrize("option", ["--only", "--from"])
def test_run_refuses_a_stage_whose_inputs_are_stale_at_once(
    logoflow: Callable[..., Answer], experiment: str, values: dict[str, Any], rehearse: Any, option: str
) -> None:
    rehearse(check_config(values))
    answer = logoflow("run", experiment, option, "curate", "--set", "cluster.k=12")
    assert answer.code == 2
    assert answer.err == (
        "curate rests on cluster, which is not up to date (config k: 10 -> 12): run cluster first, or everything.\n"
    )


def test_runs_lists_all_runs_newest_first(
    logoflow: Callable[..., Answer], values: dict[str, Any], rehearse: Any
) -> None:
    assert logoflow("runs", "--json").json == []
    rehearse(check_config(values))
    rehearse(check_config({**values, "cluster": {"k": 12}}))
    told = logoflow("runs", "--json").json
    assert [run["run"] for run in told] == ["run-2", "run-1"]
    assert told[0]["built"] == "cluster curate train_gan evaluate generate report"
    assert logoflow("runs").out.index("run-2") < logoflow("runs").out.index("run-1")


def test_an_accepted_run_is_the_one_that_is_published(
    logoflow: Callable[..., Answer], values: dict[str, Any], rehearse: Any, space: Workspace
) -> None:
    config = check_config(values)
    first = rehearse(config)
    assert Run(config, space.store.root).accepted() == {}
    rehearse(check_config({**values, "train_gan": {"total_kimg": 5}}))
    assert logoflow("accept", "run-1").out == "Publish uses the generator of run-1 from now on.\n"
    accepted = Run(config, space.store.root).accepted()
    assert list(accepted) == [name for name in STAGES if name not in ("generate", "report")]
    assert {name: made.path for name, made in accepted.items()} == {name: first[name].path for name in accepted}
    assert Run(check_config({**values, "name": "other"}), space.store.root).accepted() == {}
    assert [run["accepted"] for run in logoflow("runs", "--json").json] == ["", "accepted"]
    answer = logoflow("accept", "run")
    assert (answer.code, answer.err) == (2, "2 runs have an id that begins with run: see `logoflow runs`.\n")
    assert "no runs have an id that begins with nobody" in logoflow("accept", "nobody").err
    shutil.rmtree(first["train_gan"].path)
    assert "run-1 has no train_gan in the store: accept one that got" in logoflow("accept", "run-1").err
    with pytest.raises(UserError, match="train_gan of the accepted run run-1 is gone from the store: run that"):
        Run(config, space.store.root).accepted()


def test_runs_are_compared_by_what_they_measured(
    logoflow: Callable[..., Answer], values: dict[str, Any], rehearse: Any
) -> None:
    rehearse(check_config(values))
    (told,) = logoflow("runs", "--metrics", "--json").json
    assert (told["run"], list(told["metrics"])) == ("run-1", list(STAGES))
    assert "Fréchet" in logoflow("runs", "--metrics").out
    measured = {"frechet_floor_net-1": 1.0, "frechet_net-1": 23.4567, "frechet_other-2": 3.0, "images": 500}
    assert [figure(measured, name) for name in ("frechet", "images", "kernel")] == ["23.46", "500", ""]


LOOKING = ("runs", "runs --metrics", "show ingest", "verify", "gc", "repair", "accept 2025", "allow ingest", "diff a b")


@pytest.mark.parametrize("command", LOOKING)
def test_looking_at_a_store_that_is_not_there_makes_none(
    command: str, logoflow: Callable[..., Answer], tmp_path: Path
) -> None:
    answer = logoflow(*command.split(), "--store", str(tmp_path / "none"))
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert "none is no store: run the pipeline first, or name its --store." in answer.err
    assert not (tmp_path / "none").exists()


def test_show_gives_the_artifacts_of_a_stage_newest_first(
    logoflow: Callable[..., Answer], values: dict[str, Any], rehearse: Any
) -> None:
    assert "The store holds no artifact of cluster" in logoflow("show", "cluster").out
    old = rehearse(check_config(values))["cluster"]
    new = rehearse(check_config({**values, "cluster": {"k": 12}}))["cluster"]
    told = logoflow("show", "cluster", "--json").json
    assert [artifact["path"] for artifact in told] == [str(new.path), str(old.path)]
    assert told[0]["parts"]["config"]["k"] == 12
    assert told[0]["files"]["labels.parquet"]["sha256"] == new.manifest.files["labels.parquet"].sha256
    out = logoflow("show", "cluster").out
    assert new.short in out
    assert f"older: {old.short}" in out
    assert "labels.parquet" in out


def test_verify_exits_with_1_and_names_the_damage(
    logoflow: Callable[..., Answer], values: dict[str, Any], rehearse: Any
) -> None:
    made = rehearse(check_config(values))
    assert logoflow("verify") == Answer(0, "Every file is as it was written.\n", "")
    assert logoflow("verify", "--json").json == []
    path = made["cluster"].file("centroids.npy")
    path.write_bytes(path.read_bytes()[::-1])
    answer = logoflow("verify", "--json")
    assert answer.code == 1
    assert answer.json == [{"path": str(path), "problem": "its bytes have changed"}]
    assert logoflow("verify").code == 1


def folders(space: Workspace) -> set[str]:
    """Every artifact, as `stage/fingerprint`."""
    return {f"{a.stage}/{a.manifest.fingerprint}" for a in space.store.artifacts()}


def test_gc_keeps_what_the_last_runs_used_and_removes_the_rest_only_when_told(
    logoflow: Callable[..., Answer], experiment: str, values: dict[str, Any], rehearse: Any, space: Workspace
) -> None:
    old = rehearse(check_config(values))
    rehearse(check_config({**values, "cluster": {"k": 12}}))
    before = folders(space)
    replaced = {"cluster", "curate", "train_gan", "evaluate", "generate", "report"}
    expected = {f"{name}/{old[name].manifest.fingerprint}" for name in replaced}

    assert logoflow("gc", "--json").json == []
    told = logoflow("gc", "--keep-last", "1", "--json")
    assert {row["path"] for row in told.json} == expected
    assert all(row["bytes"] > 0 for row in told.json)
    assert folders(space) == before
    assert "6 folders" in logoflow("gc", "--keep-last", "1").out

    assert logoflow("gc", "--keep-last", "1", "--delete").code == 0
    assert folders(space) == before - expected
    assert logoflow("plan", experiment, "--check", "--set", "cluster.k=12").code == 0
    assert logoflow("verify").code == 0
    assert logoflow("gc", "--keep-last", "1", "--delete", "--json").json == []
    reasons = {row["stage"]: row["reason"] for row in logoflow("plan", experiment, "--json").json}
    assert reasons["cluster"] == "config k: 12 -> 10"


def test_gc_after_runs_of_a_single_stage_keeps_what_the_pipeline_rests_on(
    logoflow: Callable[..., Answer], values: dict[str, Any], rehearse: Any, space: Workspace
) -> None:
    config = check_config(values)
    made = rehearse(config)
    for number in range(3):
        run = f"only-{number}"
        told = {"reason": "up to date", "fingerprint": made["cluster"].manifest.fingerprint, "metrics": {}, "parts": {}}
        for kind, stage, data in (
            (Kind.RUN_STARTED, "", {"pid": 1, "host": {}}),
            (Kind.STAGE_CACHED, "cluster", told),
            (Kind.RUN_ENDED, "", {"state": "completed"}),
        ):
            space.ledger.append(Event(run, config.name, kind, stage, data))
    assert logoflow("gc", "--keep-last", "1", "--json").json == []


@pytest.mark.parametrize("ending", [{"state": "failed", "message": "disk full"}, None])
def test_gc_keeps_what_a_run_left_that_failed_or_is_going_on(
    logoflow: Callable[..., Answer],
    values: dict[str, Any],
    rehearse: Any,
    space: Workspace,
    commit: Callable[..., Any],
    ending: dict[str, Any] | None,
) -> None:
    config = check_config(values)
    before = rehearse(config, until="ingest")["ingest"]
    abandoned = commit(space.store, Parts(stage="detect_text.scores", code="old", config={}), {"scores": b"1"})
    begin = datetime.fromisoformat("2030-01-01T00:00:00+00:00")
    events = [
        (Kind.RUN_STARTED, "", {"pid": 1, "host": {}}),
        (Kind.STAGE_STARTED, "detect_text", {"reason": "never ran", "fingerprint": "f00d", "parts": {}}),
    ]
    if ending:
        events += [
            (Kind.STAGE_FAILED, "detect_text", {"message": "disk full"}),
            (Kind.RUN_ENDED, "", ending),
        ]
    for number, (kind, stage, data) in enumerate(events):
        at = datetime.now(UTC) if kind is Kind.RUN_ENDED else begin.replace(year=2025, month=2, minute=number)
        space.ledger.append(Event("unfinished", config.name, kind, stage, data, at))
    unit = commit(space.store, Parts(stage="detect_text.scores", code="", config={}), {"scores": b"1"})
    (space.store.work_folder("detect_text", "f00d") / "snapshot").write_bytes(b"step 100")
    assert begin > unit.manifest.started > abandoned.manifest.started

    assert logoflow("gc", "--delete").code == 0
    assert {before.path, unit.path} <= {artifact.path for artifact in space.store.artifacts()}
    assert (space.store.work_folder("detect_text", "f00d") / "snapshot").exists()


def test_doctor_says_what_was_found_and_exits_with_1_when_something_is_wrong(
    logoflow: Callable[..., Answer], tmp_path: Path
) -> None:
    answer = logoflow("doctor", "--json")
    rows = {row["check"]: row for row in answer.json}
    assert set(rows) == {"python", "torch", "prefect", "faiss", "CRAFT weights", "feature weights", "store"}
    assert {name: row for name, row in rows.items() if row["state"] != "ok" and name != "store"} == {}
    assert rows["python"]["found"] == ".".join(map(str, sys.version_info[:3]))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").touch()
    wrong = logoflow("doctor", "--json", "--store", "other")
    assert wrong.code == 1
    assert {row["check"]: row for row in wrong.json}["store"]["state"] == "wrong"
