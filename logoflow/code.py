"""The code digest: what code means, whatever its comments, docstrings and layout.

For a stage it covers the modules that it declares, for a unit the function that does its work with the definitions
beside it that it uses; and for both everything of ours that these import, followed through imports at module level and
inside functions. The packages that only carry a stage (logoflow, flows) are left out: they do not shape its result.
"""

import ast
import functools
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypedDict

from logoflow.canonical import digest_of
from logoflow.store.memo import Memo

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("tasks", "data", "craft", "moco", "neighbours", "stylegan2", "evaluation")
GLUE = ("tasks", "tasks.stage", "tasks.units")
"""Modules of tasks/ that carry every stage and shape the result of none."""
PARSER = "read 2 by Python {}.{}".format(*sys.version_info[:2])
"""What remembered facts were read by: trees look different from one Python to the next. Count up when facts change."""


class Facts(TypedDict):
    """What one file says: the digest of its meaning, and all that it may import: `from a import b` perhaps `a.b`."""

    digest: str
    imports: list[str]


def code_digest(modules: Iterable[str], memo: Memo) -> str:
    """Digest over the import closure of `modules`, e.g. `("tasks.cluster",)`."""
    seen: dict[str, str] = {}
    waiting = [name for module in modules for name in with_parents(module)]
    while waiting:
        name = waiting.pop()
        if name not in seen and name not in GLUE and (path := module_path(name)).exists():
            facts = memo.recall(f"code, {PARSER}", path, functools.partial(read_module, name))
            seen[name] = facts["digest"]
            waiting += facts["imports"]
    return digest_of(seen)


def function_digest(function: Callable[..., object], memo: Memo) -> str:
    """Digest over a function of a module, what it uses of that module, and the import closure of these."""
    module, name = function.__module__, function.__name__
    kind = f"code of {name}, {PARSER}"
    facts = memo.recall(kind, module_path(module), functools.partial(read_function, module, name))
    return digest_of([facts["digest"], code_digest(facts["imports"], memo)])


def read_function(module: str, name: str, path: Path) -> Facts:
    """Parse a module into the digest of one function and of all top-level definitions that it reaches by name."""
    tree = ast.parse(path.read_bytes())
    strip_docstrings(tree)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    defined: dict[str, list[ast.stmt]] = {}
    for statement in tree.body:
        for bound, definition in definitions(statement):
            defined.setdefault(bound, []).append(definition)
    reached: dict[str, list[ast.stmt]] = {}
    waiting = [name]
    while waiting:
        if (used := waiting.pop()) in defined and used not in reached:
            reached[used] = defined[used]
            waiting += [node.id for node in walk(defined[used]) if isinstance(node, ast.Name)]
    imports = sorted({found for used in reached.values() for node in walk(used) for found in imported(node, package)})
    return Facts(digest=digest_of({used: list(map(ast.dump, reached[used])) for used in reached}), imports=imports)


def walk(statements: Iterable[ast.stmt]) -> Iterator[ast.AST]:
    """Every node of some statements."""
    return itertools.chain.from_iterable(map(ast.walk, statements))


def definitions(statement: ast.stmt) -> Iterator[tuple[str, ast.stmt]]:
    """Each name that a top-level statement binds, and the code that binds it: of an import only its own part."""
    match statement:
        case ast.Import(names=aliases):
            yield from ((bound_by(alias), ast.Import([alias])) for alias in aliases)
        case ast.ImportFrom(module=module, names=aliases, level=level):
            yield from ((bound_by(alias), ast.ImportFrom(module, [alias], level)) for alias in aliases)
        case _:
            yield from ((name, statement) for name in bound_names(statement))


def bound_names(node: ast.AST) -> set[str]:
    """The names that a piece of code defines outside of functions, in branches and loops too."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Name(id=name, ctx=ast.Store()):
            return {name}
        case ast.alias():
            return {bound_by(node)}
        case ast.Lambda() | ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            return set()
    return set[str]().union(*map(bound_names, ast.iter_child_nodes(node)))


def bound_by(alias: ast.alias) -> str:
    """The name that an import binds: `import a.b` binds `a`."""
    return alias.asname or alias.name.split(".")[0]


def read_module(name: str, path: Path) -> Facts:
    """Parse a module into the digest of its AST without docstrings, and its first-party imports."""
    tree = ast.parse(path.read_bytes())
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    imports = sorted({found for node in ast.walk(tree) for found in imported(node, package)})
    strip_docstrings(tree)
    return Facts(digest=digest_of(ast.dump(tree)), imports=imports)


def imported(node: ast.AST, package: str) -> list[str]:
    """What a node may import of ours, each with its parent packages, whose `__init__` runs too.

    Whether these are modules is asked when they are followed, since a module can be written after its import.
    """
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
    """`a.b.c` -> `a`, `a.b`, `a.b.c`."""
    return list(itertools.accumulate(name.split("."), "{}.{}".format))


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
