"""The code digest follows what code means, through imports, and nothing else."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from types import FunctionType

import pytest

import logoflow.code
from logoflow.code import code_digest, function_digest
from logoflow.stages import STAGES
from logoflow.store.memo import Memo

TREE = {
    "tasks/__init__.py": '"""Tasks."""\n',
    "tasks/job.py": '''
"""A stage."""

from shapes.square import area
import shapes.circle as circle

LIMIT = 10
UNUSED = 20


def work(payload, folder):
    """Do the work."""
    from tools.late import rescue

    return rescue(area(double(payload)), LIMIT)


def double(x):
    return 2 * x


def page(payload):
    return circle.radius(payload) + UNUSED
''',
    "shapes/__init__.py": '"""Shapes."""\n',
    "shapes/square.py": "from shapes import numbers\n\n\ndef area(a):\n    return numbers.power(a, 2)\n",
    "shapes/circle.py": "def radius(a):\n    return a / 2\n",
    "shapes/numbers.py": "def power(a, n):\n    return a**n\n",
    "shapes/unused.py": "def nothing():\n    return 0\n",
    "tools/__init__.py": "",
    "tools/late.py": "from .deep import depth\n\n\ndef rescue(a, limit):\n    return min(a, limit) + depth\n",
    "tools/deep.py": "depth = 3\n",
}


class Project:
    """A tree of modules that can be edited as a developer would."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._edits = 0
        for name, text in TREE.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        """Write a module; it looks as if that was long ago, so that digests of it are remembered."""
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        self._edits += 1
        past = time.time() - 3600 + self._edits
        os.utime(path, (past, past))

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text()
        assert text.count(old) == 1
        self.write(name, text.replace(old, new))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(logoflow.code, "ROOT", tmp_path / "project")
    monkeypatch.setattr(logoflow.code, "PACKAGES", ("tasks", "shapes", "tools"))
    (tmp_path / "project").mkdir()
    return Project(tmp_path / "project")


@pytest.fixture
def memo(tmp_path: Path) -> Memo:
    return Memo(tmp_path / "memo.sqlite")


def named(name: str) -> FunctionType:
    """A function of `tasks.job` as far as its name goes, which is all that the digest asks for."""

    def function() -> None: ...

    function.__module__, function.__name__ = "tasks.job", name
    assert isinstance(function, FunctionType)
    return function


@pytest.fixture
def stage(memo: Memo) -> Callable[[], str]:
    return lambda: code_digest(("tasks.job",), memo)


@pytest.fixture
def unit(memo: Memo) -> Callable[[], str]:
    return lambda: function_digest(named("work"), memo)


MEANINGLESS = [
    ("tasks/job.py", "    return 2 * x", "    return 2 * x  # twice"),
    ("tasks/job.py", "    return 2 * x", "    return (\n        2\n        * x\n    )"),
    ("tasks/job.py", '"""A stage."""', '"""The stage that does the job."""'),
    ("tasks/job.py", '    """Do the work."""\n', ""),
    ("tasks/job.py", "LIMIT = 10", 'LIMIT = 10\n"""Most that comes out."""'),
    ("tasks/job.py", "LIMIT = 10", "LIMIT = 0xA"),
    ("shapes/numbers.py", "def power", "# a ** n\n\n\ndef power"),
    ("shapes/__init__.py", '"""Shapes."""', '"""Plane figures."""'),
]

USED = [
    ("tasks/job.py", "    return 2 * x", "    return 3 * x"),
    ("tasks/job.py", "LIMIT = 10", "LIMIT = 11"),
    ("shapes/square.py", "(a, 2)", "(a, 3)"),
    ("shapes/numbers.py", "a**n", "n**a"),
    ("tools/late.py", "min(", "max("),
    ("tools/deep.py", "depth = 3", "depth = 4"),
    ("shapes/__init__.py", '"""Shapes."""', "import warnings"),
]

USED_BY_THE_PAGE = [
    ("tasks/job.py", "UNUSED = 20", "UNUSED = 21"),
    ("tasks/job.py", "circle.radius(payload) + UNUSED", "circle.radius(payload)"),
    ("shapes/circle.py", "a / 2", "a / 3"),
    ("tasks/job.py", "from shapes.square import area", "from shapes.square import area, numbers"),
]


@pytest.mark.parametrize(("name", "old", "new"), MEANINGLESS)
def test_comments_docstrings_and_layout_change_no_digest(
    project: Project, stage: Callable[[], str], unit: Callable[[], str], name: str, old: str, new: str
) -> None:
    before = stage(), unit()
    project.edit(name, old, new)
    assert (stage(), unit()) == before


@pytest.mark.parametrize(("name", "old", "new"), USED)
def test_a_change_of_what_a_unit_uses_however_far_away_changes_its_digest_and_its_stages(
    project: Project, stage: Callable[[], str], unit: Callable[[], str], name: str, old: str, new: str
) -> None:
    before = stage(), unit()
    project.edit(name, old, new)
    assert stage() != before[0]
    assert unit() != before[1]
    project.edit(name, new, old)
    assert (stage(), unit()) == before


@pytest.mark.parametrize(("name", "old", "new"), USED_BY_THE_PAGE)
def test_a_change_of_what_only_the_rest_of_the_module_uses_changes_the_stage_and_not_the_unit(
    project: Project, stage: Callable[[], str], unit: Callable[[], str], name: str, old: str, new: str
) -> None:
    before = stage(), unit()
    project.edit(name, old, new)
    assert stage() != before[0]
    assert unit() == before[1]


def test_a_module_that_nothing_imports_does_not_count(project: Project, stage: Callable[[], str]) -> None:
    before = stage()
    project.edit("shapes/unused.py", "return 0", "return 1")
    assert stage() == before


def test_code_that_only_carries_stages_does_not_count(
    project: Project, stage: Callable[[], str], unit: Callable[[], str]
) -> None:
    project.write("tasks/stage.py", "from shapes import unused\n\nstage = 1\n")
    project.edit("tasks/job.py", "LIMIT = 10", "from tasks.stage import stage\n\nLIMIT = 10")
    before = stage(), unit()
    project.edit("tasks/stage.py", "stage = 1", "stage = 2")
    assert (stage(), unit()) == before


def test_modules_that_import_each_other_have_a_digest(project: Project, stage: Callable[[], str]) -> None:
    project.edit("shapes/numbers.py", "def power", "import shapes.square\n\n\ndef power")
    before = stage()
    project.edit("shapes/numbers.py", "a**n", "n**a")
    assert stage() != before


def test_a_module_that_is_written_after_its_import_counts_from_then_on(
    project: Project, stage: Callable[[], str]
) -> None:
    project.edit("tools/deep.py", "depth = 3", "from tools import helper\n\ndepth = 3")
    without = stage()
    project.write("tools/helper.py", "a = 1\n")
    first = stage()
    project.edit("tools/helper.py", "a = 1", "a = 2")
    assert len({without, first, stage()}) == 3


@pytest.mark.parametrize(
    "definition",
    [
        "LEAST, MOST = 1, 10",
        "try:\n    import fast\n    MOST = 10\nexcept ImportError:\n    MOST = 10 + 0",
        "MOST: int = 10",
        "MOST = 0\nMOST += 10",
        "class MOST:\n    value = 10",
        "def decorate(f, n=10):\n    return f\n\n\n@decorate\ndef MOST():\n    return 1",
        "from shapes.circle import radius\n\nTABLE = {'a': radius, 'b': 10}\nMOST = TABLE['b']",
        "for MOST in (1, 2, 10):\n    pass",
    ],
)
def test_a_unit_follows_the_names_that_it_uses_however_they_are_defined(
    project: Project, unit: Callable[[], str], definition: str
) -> None:
    project.edit("tasks/job.py", "LIMIT = 10\n", f"{definition}\nLIMIT = 1\n")
    project.edit("tasks/job.py", "double(payload)), LIMIT", "double(payload)), MOST")
    before = unit()
    project.edit("tasks/job.py", definition, definition.replace("10", "11"))
    assert unit() != before


def test_digests_are_the_same_when_nothing_is_remembered(
    project: Project, stage: Callable[[], str], unit: Callable[[], str], tmp_path: Path
) -> None:
    before = stage(), unit()
    empty = Memo(tmp_path / "empty.sqlite")
    assert (code_digest(("tasks.job",), empty), function_digest(named("work"), empty)) == before


def test_an_edit_of_this_project_concerns_the_stages_that_compute_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memo: Memo
) -> None:
    root, copy = logoflow.code.ROOT, tmp_path / "copy"
    for file in (file for package in logoflow.code.PACKAGES for file in (root / package).rglob("*.py")):
        (copy / file.relative_to(root)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, copy / file.relative_to(root))
    monkeypatch.setattr(logoflow.code, "ROOT", copy)

    def digests() -> dict[str, str]:
        return {name: code_digest(stage.code, memo) for name, stage in STAGES.items()}

    before = digests()
    for module, concerned in {
        "craft/boxes.py": {"detect_text", "generate"},  # which looks for text in what it drew
        "moco/momentum.py": {"train_encoder"},
        "neighbours/kmeans.py": {"cluster"},
        "stylegan2/losses.py": {"train_gan"},
        "tasks/report.py": {"report"},
    }.items():
        path = copy / module
        text, stat = path.read_bytes(), path.stat()
        path.write_bytes(text + b"\nEDITED = True\n")
        after = digests()
        assert {name for name in STAGES if after[name] != before[name]} == concerned, module
        path.write_bytes(text)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert digests() == before
