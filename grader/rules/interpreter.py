"""Reads a notebook without running it: an abstract interpreter over Python's syntax tree.

It goes through the cells in order, statement by statement, as Python would, but computes with
*abstract values* (`values`): the set of things that a name may stand for. Numbers are not computed;
what is followed is which object, class or function a name means, and of which networks a tensor
carries the gradient. A worked example, with the names' values after each line:

    cell = torch.nn.RNNCell(7, 8)         cell    Instance of torch.nn.RNNCell, made here
    own.weight.data = cell.weight_ih.data         `.data` cuts gradients: only a value is read
    run = {"step": cell}["step"]          run     the same Instance
    h = run(x, h)                         h       Tensor(source=cell, how="core")
    loss = loss_fn(linear(h), y)          loss    Tensor(cell, "core"), Tensor(linear, "core")
    loss.backward()                               the record of this part: a Backward with these

The source of every tensor that reaches a place that differentiates becomes a `NetworkFact`. Reading
`cell.weight_ih` alone gives Tensor(cell, "parameters"); what the forward of a student's own class
returns is marked Tensor(object, "own"); inside `torch.no_grad()` nothing is marked.

How the parts of Python are treated:

- A name that may be several things holds them all. Branches are read one after the other and joined,
  unless their condition is a known constant. A loop is taken to run at least once and is read again
  until nothing new turns up; over a short list of different objects it is unrolled.
- Functions of the notebook are read through at every call. Objects are told apart by the place that
  makes them and the calls that led there, so that a function used by two questions makes two objects.
- What code outside the notebook does is in tables: `library` (functions; `dynamic` and `torch_functions`
  belong to it), `methods` (with `container_methods` and `data_methods`), `torch_names`. To teach the reader
  more, extend a table.
- What leads out of sight (private parts of torch, hook tables, frames, the grader itself) is in `intrusions`;
  using it makes this and all later parts unclear, whatever its result.
- Something that cannot be known leaves an `Unresolved` value, which matters only if it reaches a place
  that differentiates; what may concern anything at all (`exec` of computed text) is noted at once.
- A name that another question left behind is that question's object still, and says so by its place.
- Every step is counted. A cell that spends its budget is given up, and that is noted.

The layers, lowest first: `machine` (state), `objects` (attributes), `calls`, `items`, `expressions`,
`bindings` (assignments, definitions), `statements`, and here the cells.
"""

from __future__ import annotations

import ast
import warnings

from grader.model import Reason

from .machine import TOTAL_STEPS, Exhausted
from .record import CellRecord, PartRecord
from .statements import Statements
from .values import NOTHING, Code, Scope, Value

MAX_SOURCE = 100_000  # characters of one cell
MAX_SOURCES = 500_000  # and of all cells
MAX_EXECUTED = 20_000


class Interpreter(Statements):
    """Reads cells one after the other; what it finds is in the records it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.characters = 0
        self.parsed: dict[str, ast.Module] = {}
        self.kept: list[ast.Module] = []  # nodes are known by their id, so no tree may be freed

    def read_cell(self, code: Code, text: str, part: PartRecord, cell: CellRecord) -> None:
        """Read one cell of plain Python. Never raises, whatever the text is."""
        self.begin(code, part, cell)
        for entry in self.everywhere:
            part.add_unclear(entry)
        tree = self._parse(code, text)
        if tree is None:
            return
        grad = self.grad
        try:
            for statement in tree.body:
                self.top = statement
                if not self.execute([statement], self.globals):
                    break
        except (Exhausted, RecursionError):
            self.code, self.grad = code, grad
            self._give_up("rules.budget", "", tree)
        except Exception as error:  # noqa: BLE001 (a fault of ours must not lose the whole submission)
            self.code, self.grad = code, grad
            self._give_up("rules.reader_failed", type(error).__name__, tree)

    def _give_up(self, why: str, what: str, tree: ast.Module) -> None:
        """Leave the rest of a cell unread, and say so for this and all later cells."""
        self.note(why, what, tree.body[0], everywhere=True)
        _names_by_syntax(tree, self.cell)

    def _parse(self, code: Code, text: str) -> ast.Module | None:
        node = ast.Pass(lineno=1)
        self.characters += len(text)
        if len(text) > MAX_SOURCE or self.characters > MAX_SOURCES or self.steps > TOTAL_STEPS:
            self.note("rules.budget", "", node, everywhere=True)
            return None
        try:
            tree = _parsed(text)
        except SyntaxError as error:
            line = code.place(ast.Pass(lineno=max(error.lineno or 1, 1))).line
            self.cell.syntax_error = Reason("rules.syntax_error", {"what": str(error.msg)[:80], "line": line})
            self.note("rules.not_read", str(error.msg), ast.Pass(lineno=max(error.lineno or 1, 1)))
            return None
        except (RecursionError, MemoryError, ValueError):
            self.note("rules.budget", "", node, everywhere=True)
            return None
        self.kept.append(tree)
        return tree

    def execute_text(self, text: str, node: ast.AST, scope: Scope | None = None) -> Value:
        """Run constant text as code; the value of its last expression."""
        tree = self.parsed.get(text)
        if tree is None:
            self.spend(1 + len(text) // 50)
            try:
                tree = _parsed(text.strip()) if len(text) <= MAX_EXECUTED else None
            except (SyntaxError, RecursionError, MemoryError, ValueError):
                tree = None
            if tree is None:
                self.note("rules.dynamic_code", text, node, everywhere=True)
                return self.unresolved("rules.dynamic_code", text, node)
            self.parsed[text] = tree
        code, context = self.code, self.context
        if len(context) > 30:
            raise Exhausted
        self.context = (*context, id(node))
        self.code = Code(code.cell, fixed=code.place(node))
        scope = scope or self.scope
        last = tree.body[-1] if tree.body else None
        self.execute(tree.body[:-1], scope)
        result = NOTHING
        if isinstance(last, ast.Expr):
            result = self.evaluate(last.value, scope)
        elif last is not None:
            self.execute([last], scope)
        self.code, self.context = code, context
        return result


def _parsed(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a student's invalid escape sequence is no news to us
        return ast.parse(text)


def _names_by_syntax(tree: ast.Module, cell: CellRecord) -> None:
    """The names of a cell that could not be read to its end: all that stand in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (cell.reads if isinstance(node.ctx, ast.Load) else cell.binds).add(node.id)
