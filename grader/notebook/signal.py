"""What code cells show of themselves: whether they train, and which modules they make.

Coarse on purpose: used only to notice that an answer may stand in the wrong place, never to judge it.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass

from grader.model import Cell
from grader.notebook.guide import Asked
from grader.notebook.source import to_python

LONGEST_CODE = 200_000  # characters of a cell that is parsed; a longer one is only searched

_CALLED = re.compile(r"\b([^\W\d]\w*)\s*\(")
_CLASS = re.compile(r"^[ \t]*class\s+\w+", re.MULTILINE)
_COMMENT = re.compile(r"(?m)#.*$")


@dataclass(frozen=True, slots=True)
class Signals:
    """`trainings` counts backward passes outside functions and calls of functions that hold one."""

    trainings: int = 0
    makes: frozenset[str] = frozenset()

    def shows(self, asked: Asked) -> bool:
        """Tell whether all that the question mentions is made here; never where it mentions nothing."""
        return bool(asked.mentions) and all(name in self.makes for name in asked.mentions)


def read_signals(cells: Iterable[Cell]) -> dict[int, Signals]:
    """Return the signals of each code cell by its index."""
    trees = {cell.index: (cell.source, _tree(cell.source)) for cell in cells}
    trainers = _trainers(tree for _, tree in trees.values() if tree is not None)
    return {index: _signals(source, tree, trainers) for index, (source, tree) in trees.items()}


def _tree(source: str) -> ast.Module | None:
    python = to_python(source) if len(source) <= LONGEST_CODE else None
    if python is None or python.syntax_error is not None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(python.text)


def _signals(source: str, tree: ast.Module | None, trainers: frozenset[str]) -> Signals:
    plain = _COMMENT.sub("", source)
    makes = set(_CALLED.findall(plain))
    if _CLASS.search(plain):
        makes |= {
            "class",
            *re.findall(r"[^\W\d]\w*", " ".join(re.findall(r"class\s+\w+\s*\(([^)]*)\)", plain))),
        }
    trainings = plain.count(".backward(") if tree is None else _trainings(tree, trainers)
    return Signals(trainings, frozenset(makes))


def _trainers(trees: Iterable[ast.Module]) -> frozenset[str]:
    """Return the names of functions and methods that hold a backward pass, or call one that does."""
    functions = [
        node
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    calls = {(node.name, id(node)): _calls(node) for node in functions}
    trainers: set[str] = {"backward"}
    for _ in range(3):  # a function that calls one that calls one is deep enough for an exam
        trainers |= {name for (name, _), called in calls.items() if called & trainers and name != "forward"}
    return frozenset(trainers)


def _calls(node: ast.AST) -> set[str]:
    return {_called(call) for call in ast.walk(node) if isinstance(call, ast.Call)}


def _called(call: ast.Call) -> str:
    target = call.func
    return (
        target.attr
        if isinstance(target, ast.Attribute)
        else target.id
        if isinstance(target, ast.Name)
        else ""
    )


def _trainings(tree: ast.Module, trainers: frozenset[str]) -> int:
    found, stack = 0, list[ast.AST](tree.body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            continue
        found += isinstance(node, ast.Call) and _called(node) in trainers
        stack.extend(ast.iter_child_nodes(node))
    return found
