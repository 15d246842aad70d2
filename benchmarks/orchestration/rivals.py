"""DVC and Snakemake on a pipeline of the same shape: as many stages and units, as little work in each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml

from benchmarks.orchestration.flow import WITH_UNITS
from logoflow.stages import STAGES

PACKAGES = ("dvc==3.67.1", "snakemake==9.27.1")


def install(folder: Path) -> Path:
    """A virtual environment with both; the folder of its programs."""
    programs = folder / "bin"
    if not (programs / "snakemake").exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([programs / "pip", "install", "--quiet", *PACKAGES], check=True)
    return programs


def outputs_of(stage: str, units: int) -> list[str]:
    """The files by which a stage hands on: its own, and one of each of its units."""
    return [f"{stage}.out", *(f"{stage}/{n}.out" for n in range(units if stage in WITH_UNITS else 0))]


def write_outputs(folder: Path, units: int) -> None:
    """What a finished run would have left."""
    for stage in STAGES:
        for name in outputs_of(stage, units):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(name)


def write_dvc(folder: Path, units: int) -> list[list[str]]:
    """A finished project of DVC's in a folder; its commands, of which the last has nothing to do."""
    stages: dict[str, object] = {}
    for stage in STAGES.values():
        own = outputs_of(stage.name, units)[1:]
        before = [f"{name}.out" for name in stage.inputs]
        if own:
            outs = [f"{stage.name}/${{item}}.out"]
            unit = {"cmd": f"touch {outs[0]}", "deps": before, "outs": outs}
            stages[f"{stage.name}-units"] = {"foreach": list(range(units)), "do": unit}
        stages[stage.name] = {"cmd": f"touch {stage.name}.out", "deps": before + own, "outs": [f"{stage.name}.out"]}
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    return [
        ["dvc", "init", "--no-scm", "--quiet"],
        ["dvc", "config", "core.analytics", "false"],
        ["dvc", "commit", "--force", "--quiet"],
        ["dvc", "repro", "--quiet"],
    ]


def write_snakemake(folder: Path, units: int) -> list[list[str]]:
    """A finished project of Snakemake's in a folder; its commands, of which the last has nothing to do."""
    rules = ['rule all:\n    input: "report.out"\n']
    for stage in STAGES.values():
        before = [f"{name}.out" for name in stage.inputs]
        own = outputs_of(stage.name, units)[1:]
        if own:
            rules.append(rule(f"{stage.name}_unit", before, f"{stage.name}/{{n}}.out"))
        rules.append(rule(stage.name, before + own, f"{stage.name}.out"))
    (folder / "Snakefile").write_text("\n".join(rules))
    command = ["snakemake", "--cores", "2", "--quiet", "all"]
    return [[*command, "--touch"], command]


def rule(name: str, inputs: list[str], output: str) -> str:
    """One rule of a Snakefile."""
    return f"rule {name}:\n    input: {inputs!r}\n    output: {output!r}\n    shell: 'touch {{output}}'\n"


RIVALS = {"dvc repro": write_dvc, "snakemake": write_snakemake}
