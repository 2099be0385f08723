"""What the methods of lists, sets, queues and dictionaries do, torch's own containers included."""

# ruff: noqa: ARG001 (every method takes the same arguments)
from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from . import classes
from .calls import Calls
from .values import (
    NONE,
    NOTHING,
    PLAIN,
    Call,
    Const,
    Instance,
    Value,
    constants,
    join,
    make_tuple,
)

ObjectMethod: TypeAlias = Callable[[Calls, Instance, Call], Value]


def _append(m: Calls, made: Instance, call: Call) -> Value:
    m.append(made, call.argument(0))
    return (made,)


def _extend(m: Calls, made: Instance, call: Call) -> Value:
    m.extend(made, call.argument(0), call.node)
    return (made,)


def _insert(m: Calls, made: Instance, call: Call) -> Value:
    m.scatter(made)
    m.put(made, None, call.argument(1) or call.argument(0))
    return NONE


def _rearrange(m: Calls, made: Instance, call: Call) -> Value:
    m.scatter(made)
    return NONE


def _sort(m: Calls, made: Instance, call: Call) -> Value:
    m.call(call.keywords.get("key", NOTHING), Call(call.node, (m.element((made,), call.node),)))
    return _rearrange(m, made, call)


def _take(m: Calls, made: Instance, call: Call) -> Value:
    taken = m.subscript((made,), call.argument(0) or PLAIN, call.node)
    if classes.container_kind(made.cls) == "list":
        m.scatter(made)
    return join(taken, call.argument(1)) or PLAIN


def _clear(m: Calls, made: Instance, call: Call) -> Value:
    if m.replaces(made):
        made.keyed, made.rest = {}, NOTHING
    return NONE


def _copy(m: Calls, made: Instance, call: Call) -> Value:
    fresh = m.instance(made.cls, call.node)
    for key, value in made.keyed.items():
        m.put(fresh, key, value)
    m.put(fresh, None, made.rest)
    return (fresh,)


def _get_item(m: Calls, made: Instance, call: Call) -> Value:
    return m.subscript((made,), call.argument(0), call.node)


def _set_item(m: Calls, made: Instance, call: Call) -> Value:
    m.store((made,), call.argument(0), call.argument(1), call.node)
    return NONE


def _any_item(m: Calls, made: Instance, call: Call) -> Value:
    return made.contents or PLAIN


def _iterate(m: Calls, made: Instance, call: Call) -> Value:
    return (made,)


def _get(m: Calls, made: Instance, call: Call) -> Value:
    return join(m.subscript((made,), call.argument(0), call.node), call.argument(1, "default"))


def _set_default(m: Calls, made: Instance, call: Call) -> Value:
    if not any(key in made.keyed for key in constants(call.argument(0))):
        m.store((made,), call.argument(0), call.argument(1, "default"), call.node)
    return m.subscript((made,), call.argument(0), call.node)


def _update(m: Calls, made: Instance, call: Call) -> Value:
    for key, value in call.keywords.items():
        m.put(made, key, value)
    m.update(made, join(*call.args, call.spread), call.node)
    return NONE


def _keys(m: Calls, made: Instance, call: Call) -> Value:
    rest = PLAIN if made.rest else NOTHING
    return m.container("list", call.node, tuple((Const(key),) for key in made.keyed), rest)


def _values(m: Calls, made: Instance, call: Call) -> Value:
    return m.container("list", call.node, tuple(made.keyed.values()), made.rest)


def _pairs(m: Calls, made: Instance, call: Call) -> Value:
    pairs = tuple(make_tuple(((Const(key),), value)) for key, value in made.keyed.items())
    return m.container("list", call.node, pairs, make_tuple((PLAIN, made.rest)) if made.rest else NOTHING)


LIST_METHODS: dict[str, ObjectMethod] = {
    "append": _append,
    "add": _append,
    "appendleft": _insert,
    "extend": _extend,
    "update": _extend,
    "__iadd__": _extend,
    "insert": _insert,
    "sort": _sort,
    "reverse": _rearrange,
    "remove": _rearrange,
    "rotate": _rearrange,
    "pop": _take,
    "popleft": _any_item,
    "__next__": _any_item,
    "send": _any_item,
    "__iter__": _iterate,
    "clear": _clear,
    "copy": _copy,
    "__getitem__": _get_item,
    "__setitem__": _set_item,
}
DICT_METHODS: dict[str, ObjectMethod] = {
    "get": _get,
    "__getitem__": _get_item,
    "__setitem__": _set_item,
    "setdefault": _set_default,
    "update": _update,
    "pop": _take,
    "popitem": _any_item,
    "keys": _keys,
    "values": _values,
    "items": _pairs,
    "copy": _copy,
    "clear": _clear,
}
