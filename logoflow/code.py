"""The code digest: what code means, whatever its comments, docstrings and layout.

For a stage it covers the modules that it declares, for a unit the function that does its work with the definitions
beside it that it uses; and for both everything of ours that these import, followed through imports at module level and
inside functions. The packages that only carry a stage (logoflow, flows) are left out: they do not shape its result.
"""

import ast
import functools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypedDict

from logoflow.canonical import digest_of
from logoflow.store.memo import Memo

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("tasks", "data", "craft", "moco", "neighbours", "stylegan2", "evaluation")
GLUE = ("tasks", "tasks.stage", "tasks.units")
"""Modules of tasks/ that carry every stage and shape the result of none."""


class Facts(TypedDict):
    """What one module file says: the digest of its meaning, and the names that it imports."""

    digest: str
    imports: list[str]


def code_digest(modules: Iterable[str], memo: Memo) -> str:
    """Digest over the import closure of `modules`, e.g. `("tasks.cluster",)`."""
    seen: dict[str, str] = {}
    waiting = [name for module in modules for name in with_parents(module)]
    while waiting:
        name = waiting.pop()
        if name in seen or name in GLUE:
            continue
        facts = memo.recall("code", module_path(name), functools.partial(read_module, name))
        seen[name] = facts["digest"]
        waiting += facts["imports"]
    return digest_of(seen)


def function_digest(function: Callable[..., object], memo: Memo) -> str:
    """Digest over a function of a module, what it uses of that module, and the import closure of these."""
    module, name = function.__module__, function.__name__
    facts = memo.recall(f"code of {name}", module_path(module), functools.partial(read_function, module, name))
    return digest_of([facts["digest"], code_digest(facts["imports"], memo)])


def read_function(module: str, name: str, path: Path) -> Facts:
    """Parse a module into the digest of one function and of all top-level definitions that it reaches by name."""
    tree = ast.parse(path.read_bytes())
    strip_docstrings(tree)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    defined = {bound: node for node in tree.body for bound in bound_names(node)}
    reached: dict[str, ast.stmt] = {}
    waiting = [name]
    while waiting:
        if (used := waiting.pop()) in defined and used not in reached:
            reached[used] = defined[used]
            waiting += [node.id for node in ast.walk(defined[used]) if isinstance(node, ast.Name)]
    nodes = [node for statement in reached.values() for node in ast.walk(statement)]
    imports = sorted({found for node in nodes for found in imported(node, package)})
    return Facts(digest=digest_of({used: ast.dump(node) for used, node in reached.items()}), imports=imports)


def bound_names(node: ast.stmt) -> list[str]:
    """The names that a top-level statement defines."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.Import() | ast.ImportFrom():
            return [(alias.asname or alias.name).split(".")[0] for alias in node.names]
        case ast.Assign():
            return [target.id for target in node.targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def read_module(name: str, path: Path) -> Facts:
    """Parse a module into the digest of its AST without docstrings, and its first-party imports."""
    tree = ast.parse(path.read_bytes())
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    imports = sorted({found for node in ast.walk(tree) for found in imported(node, package)})
    strip_docstrings(tree)
    return Facts(digest=digest_of(ast.dump(tree)), imports=imports)


def imported(node: ast.AST, package: str) -> list[str]:
    """First-party modules that a node imports, each with its parent packages, whose `__init__` runs too."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
        base = ".".join([*above, *([node.module] if node.module else [])])
        names = [base, *(f"{base}.{alias.name}" for alias in node.names)]  # `from a import b`: b may be a module
    else:
        return []
    return [parent for name in names if name.split(".")[0] in PACKAGES for parent in with_parents(name)]


def with_parents(name: str) -> list[str]:
    """`a.b.c` -> `a`, `a.b`, `a.b.c`, as far as they are modules of ours."""
    pieces = name.split(".")
    names = [".".join(pieces[: i + 1]) for i in range(len(pieces))]
    return [name for name in names if is_module(name)]


def is_module(name: str) -> bool:
    """Whether one of our files is this module."""
    return module_path(name).exists()


def module_path(name: str) -> Path:
    """The file of a module or package of ours."""
    path = ROOT.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def strip_docstrings(tree: ast.Module) -> None:
    """Remove docstrings, and bare strings below attributes, from a tree, in place."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            kept = [child for child in node.body if not is_bare_string(child)]
            node.body = kept or [ast.Pass()]


def is_bare_string(node: ast.stmt) -> bool:
    """Whether a statement is nothing but a string."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
