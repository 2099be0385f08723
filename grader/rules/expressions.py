"""Expressions: what each kind of syntax node may evaluate to."""

# ruff: noqa: ARG001 (every kind of node is evaluated with the same arguments)
from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, TypeAlias

from . import classes, data_methods, library, methods, text
from .intrusions import is_secret
from .items import Items
from .values import (
    NOTHING,
    PLAIN,
    Atom,
    BoundExternal,
    Call,
    Const,
    External,
    Function,
    Instance,
    Key,
    Scope,
    Super,
    Tensor,
    TupleOf,
    UserClass,
    Value,
    constants,
    flat,
    join,
    make_tuple,
    truth,
)

_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.MatMult: "matmul",
    ast.Div: "truediv",
    ast.Mod: "mod",
    ast.Pow: "pow",
    ast.BitOr: "or",
    ast.BitAnd: "and",
    ast.BitXor: "xor",
    ast.LShift: "lshift",
    ast.RShift: "rshift",
    ast.FloorDiv: "floordiv",
}
_UNARY: dict[type[ast.unaryop], str] = {ast.USub: "__neg__", ast.UAdd: "__pos__", ast.Invert: "__invert__"}
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "__eq__",
    ast.NotEq: "__ne__",
    ast.Lt: "__lt__",
    ast.LtE: "__le__",
    ast.Gt: "__gt__",
    ast.GtE: "__ge__",
}


class Expressions(Items):
    """Evaluates expressions."""

    @abstractmethod
    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Assign to a target of an assignment."""

    @abstractmethod
    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, scope: Scope) -> Function:
        """The function that a definition makes."""

    def evaluate(self, node: ast.expr | None, scope: Scope) -> Value:
        """What the expression may be; no expression is nothing."""
        if node is None:
            return NOTHING
        self.spend()
        return _EVALUATE.get(type(node), _children)(self, node, scope)

    def evaluate_all(self, nodes: list[ast.expr], scope: Scope) -> tuple[tuple[Value, ...], Value]:
        """Values at known positions, and what starred ones add at unknown positions."""
        known: list[Value] = []
        spread: Value = NOTHING
        for node in nodes:
            if not isinstance(node, ast.Starred):
                known.append(self.evaluate(node, scope))
                continue
            value = self.evaluate(node.value, scope)
            items = self.sequence(value)
            if items is not None and not spread:
                known.extend(items)
            else:
                spread = join(spread, self.element(value, node))
        return tuple(known), spread

    def call_external(self, path: str, call: Call) -> Value:
        return library.call_external(self, path, call)

    def call_bound(self, method: BoundExternal, call: Call) -> Value:
        return methods.call_bound(self, method, call)

    def call_on_data(self, name: str, receivers: Value, call: Call) -> Value:
        return data_methods.call_on_data(self, name, receivers, call)


# -- one function per kind of node ------------------------------------------------------------------------


def _children(m: Expressions, node: ast.expr, scope: Scope) -> Value:
    """Any other expression: data computed from what stands in it."""
    parts = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
    return m.computed(*(m.evaluate(child, scope) for child in parts))


def _constant(m: Expressions, node: ast.Constant, scope: Scope) -> Value:
    value = node.value
    if isinstance(value, str) and is_secret(value):
        m.note("rules.introspection", value, node, everywhere=True)
    if value is None or isinstance(value, str | bool | int | bytes):
        return (Const(value),)
    return PLAIN


def _name(m: Expressions, node: ast.Name, scope: Scope) -> Value:
    return m.lookup(node.id, scope, node)


def _attribute(m: Expressions, node: ast.Attribute, scope: Scope) -> Value:
    return m.read(m.evaluate(node.value, scope), node.attr, node)


def _tuple(m: Expressions, node: ast.Tuple, scope: Scope) -> Value:
    known, spread = m.evaluate_all(node.elts, scope)
    return m.container("tuple", node, known, spread) if spread else make_tuple(known)


def _list(m: Expressions, node: ast.List | ast.Set, scope: Scope) -> Value:
    if len(node.elts) > 64 and all(isinstance(item, ast.Constant) for item in node.elts):
        return PLAIN  # typed-in numbers
    known, spread = m.evaluate_all(node.elts, scope)
    return m.container("list", node, known, spread)


def _dict(m: Expressions, node: ast.Dict, scope: Scope) -> Value:
    keyed: dict[Key, Value] = {}
    rest: Value = NOTHING
    merged: list[Value] = []
    for key_node, value_node in zip(node.keys, node.values, strict=True):
        value = m.evaluate(value_node, scope)
        if key_node is None:
            merged.append(value)
            continue
        key = m.evaluate(key_node, scope)
        keys = constants(key)
        if len(keys) == 1 == len(key):
            keyed[keys[0]] = value
        else:
            rest = join(rest, value)
    made = m.dictionary(node, keyed, rest)
    for value in merged:
        for atom in made:
            if isinstance(atom, Instance):
                m.update(atom, value, node)
    return made


def _binary(m: Expressions, node: ast.BinOp, scope: Scope) -> Value:
    left, right = m.evaluate(node.left, scope), m.evaluate(node.right, scope)
    return operate(m, node.op, left, right, node)


def operate(m: Expressions, operator: ast.operator, left: Value, right: Value, node: ast.AST) -> Value:
    """`left + right` and the like: of text, of lists, of objects with own operators, of data."""
    if isinstance(operator, ast.Add) and _are_lists(m, left) and _are_lists(m, right):
        return _concatenated(m, left, right, node)
    folded = text.operation(operator, left, right)
    if folded:
        return folded
    result = m.computed(left, right)
    name = _OPERATORS.get(type(operator), "")
    for one, other, prefix in ((left, right, "__"), (right, left, "__r")):
        result = join(result, m.special(one, f"{prefix}{name}__", (other,), node))
    return result


def operate_in_place(
    m: Expressions, operator: ast.operator, left: Value, right: Value, node: ast.AST
) -> Value:
    """`left += right`, by its own method or else as `left + right`."""
    own = m.special(left, f"__i{_OPERATORS.get(type(operator), '')}__", (right,), node)
    return own or operate(m, operator, left, right, node)


def _are_lists(m: Expressions, value: Value) -> bool:
    return bool(value) and all(
        isinstance(atom, TupleOf)
        or (isinstance(atom, Instance) and classes.container_kind(atom.cls) == "list")
        for atom in value
    )


def _concatenated(m: Expressions, left: Value, right: Value, node: ast.AST) -> Value:
    first = m.sequence(left)
    second = m.sequence(right)
    if first is not None and second is not None:
        return m.container("list", node, (*first, *second))
    return m.container("list", node, rest=join(m.element(left, node), m.element(right, node)))


def _boolean(m: Expressions, node: ast.BoolOp, scope: Scope) -> Value:
    result: Value = NOTHING
    for part in node.values:
        value = m.evaluate(part, scope)
        known = truth(value)
        decides = known is isinstance(node.op, ast.Or)
        if known is None or decides or part is node.values[-1]:
            result = join(result, value)
        if known is not None and decides:
            break
    return result


def _unary(m: Expressions, node: ast.UnaryOp, scope: Scope) -> Value:
    value = m.evaluate(node.operand, scope)
    if isinstance(node.op, ast.Not):
        known = truth(value)
        return PLAIN if known is None else (Const(not known),)
    if isinstance(node.op, ast.USub) and len(value) == 1 and isinstance(value[0], Const):
        number = value[0].value
        return (Const(-number),) if isinstance(number, int) else PLAIN
    return join(m.computed(value), m.special(value, _UNARY.get(type(node.op), ""), (), node))


def _compare(m: Expressions, node: ast.Compare, scope: Scope) -> Value:
    values = [m.evaluate(each, scope) for each in (node.left, *node.comparators)]
    if len(values) == 2 and all(len(value) == 1 for value in values):
        left, right = values[0][0], values[1][0]
        equal = isinstance(node.ops[0], ast.Eq | ast.Is)
        if isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.Is | ast.IsNot):
            if isinstance(left, Const) and isinstance(right, Const):
                return (Const((left.value == right.value) is equal),)
            if right == Const(None) and isinstance(left, Instance | Function | UserClass | External | Tensor):
                return (Const(not equal),)
    result = PLAIN
    for operator, left_value, right_value in zip(node.ops, values, values[1:], strict=False):
        name = _COMPARISONS.get(type(operator), "__contains__")
        one, other = (right_value, left_value) if name == "__contains__" else (left_value, right_value)
        if not isinstance(operator, ast.Is | ast.IsNot):
            result = join(result, m.special(one, name, (other,), node))
    return result


def _conditional(m: Expressions, node: ast.IfExp, scope: Scope) -> Value:
    known = truth(m.evaluate(node.test, scope))
    result: Value = NOTHING
    if known is not False:
        with m.inside(id(node)):
            result = m.evaluate(node.body, scope)
    if known is not True:
        with m.inside(id(node) + 1):
            result = join(result, m.evaluate(node.orelse, scope))
    return result


def _subscript(m: Expressions, node: ast.Subscript, scope: Scope) -> Value:
    value = m.evaluate(node.value, scope)
    if isinstance(node.slice, ast.Slice):
        bounds = (node.slice.lower, node.slice.upper, node.slice.step)
        folded = text.sliced(value, [m.evaluate(bound, scope) for bound in bounds])
        if folded:
            return folded
    return m.subscript(value, m.evaluate(node.slice, scope), node)


def _joined_text(m: Expressions, node: ast.JoinedStr, scope: Scope) -> Value:
    parts = [
        (part.value, part.format_spec) if isinstance(part, ast.FormattedValue) else (part, None)
        for part in node.values
    ]
    values = [m.evaluate(part, scope) for part, _ in parts]
    return PLAIN if any(spec is not None for _, spec in parts) else text.concatenated(values) or PLAIN


def _walrus(m: Expressions, node: ast.NamedExpr, scope: Scope) -> Value:
    value = m.evaluate(node.value, scope)
    m.assign(node.target, value, scope)
    return value


def _lambda(m: Expressions, node: ast.Lambda, scope: Scope) -> Value:
    return (m.function(node, scope),)


def _starred(m: Expressions, node: ast.Starred, scope: Scope) -> Value:
    return m.element(m.evaluate(node.value, scope), node)


def _await(m: Expressions, node: ast.Await, scope: Scope) -> Value:
    return m.evaluate(node.value, scope)


def _yield(m: Expressions, node: ast.Yield | ast.YieldFrom, scope: Scope) -> Value:
    value = m.evaluate(node.value, scope)
    for around in scope.chain():
        if around.kind == "function":
            more = value if isinstance(node, ast.Yield) else m.element(value, node)
            around.yields = join(around.yields, more or PLAIN)
            break
    return PLAIN


def _comprehension(
    m: Expressions, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, scope: Scope
) -> Value:
    inner = Scope(parent=scope, kind="comprehension")
    found: list[tuple[Value, Value]] = []
    exact = _generate(m, node, 0, inner, found)
    if isinstance(node, ast.DictComp):
        made = m.dictionary(node, {})
        for key, value in found:
            m.store(made, key, value, node)
        return made
    values = tuple(value for _, value in found)
    kind = "generator" if isinstance(node, ast.GeneratorExp) else "list"
    return m.container(kind, node, values) if exact else m.container(kind, node, rest=join(*values))


def _generate(
    m: Expressions,
    node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp,
    depth: int,
    scope: Scope,
    found: list[tuple[Value, Value]],
) -> bool:
    """Collect (key, value) of every pass; True if these are all, in order."""
    if depth == len(node.generators):
        if isinstance(node, ast.DictComp):
            found.append((m.evaluate(node.key, scope), m.evaluate(node.value, scope)))
        else:
            found.append((NOTHING, m.evaluate(node.elt, scope)))
        return True
    generator = node.generators[depth]
    value = m.evaluate(generator.iter, scope)
    passes = m.iterations(value, generator.iter)
    items = m.sequence(value)
    exact = items is not None and len(items) == len(passes) and not generator.ifs
    context = m.context
    with m.inside(-id(node)):
        for number, item in enumerate(passes):
            m.context = (*context, number) if len(passes) > 1 else context
            _bind_target(generator.target, item, scope, m)
            for condition in generator.ifs:
                m.evaluate(condition, scope)
            exact = _generate(m, node, depth + 1, scope, found) and exact
    m.context = context
    return exact


def _bind_target(target: ast.expr, value: Value, scope: Scope, m: Expressions) -> None:
    for each in ast.walk(target):
        if isinstance(each, ast.Name):
            scope.names.setdefault(each.id, NOTHING)  # a comprehension's own name, not one around it
    m.assign(target, value, scope)


def _call(m: Expressions, node: ast.Call, scope: Scope) -> Value:
    if isinstance(node.func, ast.Name) and node.func.id == "super" and len(node.args) in (0, 2):
        found = _super(m, node, scope)
        if found:
            return found
    callee = m.evaluate(node.func, scope)
    args, spread = m.evaluate_all(node.args, scope)
    keywords: dict[str, Value] = {}
    for keyword in node.keywords:
        value = m.evaluate(keyword.value, scope)
        if keyword.arg is not None:
            keywords[keyword.arg] = value
        else:
            spread = join(spread, _spread_keywords(value, keywords))
    m.scope = scope
    result = m.call(callee, Call(node, args, keywords, spread))
    if isinstance(node.func, ast.Attribute) and node.func.attr.endswith("_") and m.grad is not False:
        absorb(m, node.func.value, m.taints(join(*args)), scope)  # `h.copy_(net(x))`
    return result


def _spread_keywords(value: Value, keywords: dict[str, Value]) -> Value:
    """`**options`: known names become keywords; what is left is returned."""
    rest: Value = NOTHING
    for atom in value:
        if isinstance(atom, Instance):
            rest = join(rest, atom.rest)
            for key, item in atom.keyed.items():
                if isinstance(key, str):
                    keywords[key] = join(keywords.get(key, NOTHING), item)
        else:
            rest = join(rest, flat((atom,)))
    return rest


def _super(m: Expressions, node: ast.Call, scope: Scope) -> Value:
    if node.args:
        after, receivers = (m.evaluate(argument, scope) for argument in node.args)
    else:
        around = next((each for each in scope.chain() if each.function and each.function.owner), None)
        if around is None or around.function is None or around.function.owner is None:
            return NOTHING
        after, receivers = (around.function.owner,), around.first
    return tuple(Super(cls, atom) for cls in after if isinstance(cls, UserClass) for atom in receivers)


def absorb(m: Expressions, target: ast.expr, value: Value, scope: Scope) -> None:
    """Data was written into the tensor that `target` names: it now depends on `value`, too."""
    if not value:
        return
    if isinstance(target, ast.Subscript):
        absorb(m, target.value, value, scope)
    elif isinstance(target, ast.Name):
        old = m.lookup(target.id, scope, target)
        if not any(isinstance(atom, Instance | External | Function | UserClass) for atom in old):
            m.bind(target.id, join(old, value), scope)
    elif isinstance(target, ast.Attribute) and target.attr not in ("data", "grad"):
        for atom in m.evaluate(target.value, scope):
            if isinstance(atom, Instance) and target.attr in atom.attributes:
                old = atom.attributes[target.attr]
                if not any(isinstance(each, Instance) or _is_parameter(each) for each in old):
                    m.write((atom,), target.attr, join(old, value), target)


def _is_parameter(atom: Atom) -> bool:
    return isinstance(atom, Tensor) and atom.how == "parameters"


_Evaluator: TypeAlias = Callable[[Expressions, Any, Scope], Value]
_EVALUATE: dict[type, _Evaluator] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Tuple: _tuple,
    ast.List: _list,
    ast.Set: _list,
    ast.Dict: _dict,
    ast.BinOp: _binary,
    ast.BoolOp: _boolean,
    ast.UnaryOp: _unary,
    ast.Compare: _compare,
    ast.IfExp: _conditional,
    ast.Subscript: _subscript,
    ast.JoinedStr: _joined_text,
    ast.NamedExpr: _walrus,
    ast.Lambda: _lambda,
    ast.Starred: _starred,
    ast.Await: _await,
    ast.Yield: _yield,
    ast.YieldFrom: _yield,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.DictComp: _comprehension,
    ast.Call: _call,
}
