"""What functions and classes do that the notebook does not define.

`_EFFECTS` maps canonical paths to functions of the machine and the call; the sets in `torch_names`
name whole families. Everything else that is known to be harmless computes data from its arguments,
and what is not known at all is written down as unclear.
"""

# ruff: noqa: ARG001 (every effect takes the same arguments)
from __future__ import annotations

import ast

from . import dynamic, torch_functions
from .calls import Calls
from .dynamic import Effect
from .intrusions import leads_behind, opens_secret
from .torch_names import (
    CUTTING_FUNCTIONS,
    INTROSPECTION,
    LOADERS,
    PROCESSES,
    SEEDS,
    TENSOR,
    TENSOR_MAKERS,
    WRAPPERS,
    is_module_class,
    is_optimizer_class,
    is_seen,
    kernel_modules,
)
from .values import (
    CALLABLE,
    NOTHING,
    PLAIN,
    Atom,
    BoundExternal,
    BoundFunction,
    Call,
    External,
    Function,
    Instance,
    Partial,
    Tensor,
    TupleOf,
    Unresolved,
    UserClass,
    Value,
    constants,
    join,
    make_tuple,
    texts,
)

MAX_CLONED = 200
_BY_FILE = ("importlib.util.module_from", "importlib.util.spec_from", "importlib.machinery.")


def call_external(m: Calls, path: str, call: Call) -> Value:
    """The result of calling the function or class at a canonical path."""
    for name in constants(call.all()):
        if opens_secret(path, name):
            m.note("rules.introspection", f"{path}({name!r})", call.node, everywhere=True)
    effect = _EFFECTS.get(path)
    if effect is not None:
        return effect(m, call)
    modules = kernel_modules(path)
    if modules:
        return m.call_kernel(path, modules, call)
    if path in WRAPPERS:
        return _pass_on(m, call)
    if is_module_class(path) or is_optimizer_class(path):
        return m.instantiate(External(path), call)
    if path in SEEDS:
        m.part.seeds[m.code.place(call.node)] = None
        return PLAIN
    if path in TENSOR_MAKERS:
        return m.instantiate(External(TENSOR), call)
    if path in CUTTING_FUNCTIONS:
        return PLAIN
    return _call_by_family(m, path, call)


def _call_by_family(m: Calls, path: str, call: Call) -> Value:
    owner, _, name = path.rpartition(".")
    if path.startswith(_BY_FILE):
        return m.unresolved("rules.dynamic_import", path, call.node)
    if path in LOADERS:
        return m.unresolved("rules.loaded_object", path, call.node)
    if path.startswith(PROCESSES):
        m.note("rules.process", path, call.node, everywhere=True)
        return join(PLAIN, m.callback(call.all(), call))
    if path.startswith(INTROSPECTION) or leads_behind(path):
        m.note("rules.introspection", path, call.node, everywhere=True)
        return m.unresolved("rules.introspection", path, call.node)
    if not is_seen(path):
        return m.call_unseen(path, call)
    if owner.rpartition(".")[2][:1].isupper() or owner in ("object", "list", "dict", "type"):
        return _call_unbound(m, path, call)
    if name.startswith("__") and name.endswith("__"):
        return m.unresolved("rules.dynamic_name", path, call.node)
    return m.compute(path, call)


def _call_unbound(m: Calls, path: str, call: Call) -> Value:
    """A method that is called through its class: `torch.nn.RNNCell.forward(cell, x, h)`."""
    if path.endswith(".__new__"):
        targets = (atom for atom in call.argument(0) if isinstance(atom, External | UserClass))
        return tuple(m.instance(atom, call.node) for atom in targets) or PLAIN
    found = [m.call_bound(BoundExternal(path, atom), call.shifted()) for atom in call.argument(0)]
    return join(*found) if found else m.computed(call.all())


# -- containers and functions of functions ----------------------------------------------------------------


def _list(m: Calls, call: Call) -> Value:
    value = call.argument(0)
    items = m.sequence(value)
    if not value:
        items = ()
    if items is not None:
        return m.container("list", call.node, items)
    return m.container("list", call.node, rest=m.element(value, call.node))


def _reversed(m: Calls, call: Call) -> Value:
    value = call.argument(0)
    items = m.sequence(value)
    return m.container("list", call.node, items[::-1]) if items is not None else _unordered(m, call)


def _unordered(m: Calls, call: Call) -> Value:
    _call_key(m, call)
    return m.container("list", call.node, rest=m.element(call.argument(0), call.node))


def _call_key(m: Calls, call: Call) -> None:
    """The function by which `sorted`, `min` and `max` order things is called with each of them."""
    things = join(call.argument(0), *call.args[1:])
    m.call(call.keywords.get("key", NOTHING), Call(call.node, (m.element(things, call.node),)))


def _extreme(m: Calls, call: Call) -> Value:
    _call_key(m, call)
    return m.compute("max", Call(call.node, call.args, spread=call.spread))


def _weak_reference(m: Calls, call: Call) -> Value:
    return (Partial((External("weakref.ref()"),), Call(call.node, (call.argument(0),))),)


def _referred(m: Calls, call: Call) -> Value:
    return call.argument(0)


def _dict(m: Calls, call: Call) -> Value:
    return m.instantiate(External("dict"), call)


def _next(m: Calls, call: Call) -> Value:
    value = call.argument(0)
    items = m.sequence(value)
    if items and len(items) == 1:
        return items[0]
    return join(m.element(value, call.node), call.argument(1))


def _zip(m: Calls, call: Call) -> Value:
    exact = [m.sequence(value) for value in call.args]
    if call.args and not call.spread and all(items is not None for items in exact):
        rows = zip(*(items for items in exact if items is not None), strict=False)
        return m.container("list", call.node, tuple(make_tuple(row) for row in rows))
    row = make_tuple(tuple(m.element(value, call.node) for value in call.args))
    if call.spread:
        row = join(m.element(call.spread, call.node), PLAIN)
    return m.container("list", call.node, rest=row)


def _enumerate(m: Calls, call: Call) -> Value:
    value = call.argument(0)
    items = m.sequence(value)
    if items is not None:
        return m.container("list", call.node, tuple(make_tuple((PLAIN, item)) for item in items))
    return m.container("list", call.node, rest=make_tuple((PLAIN, m.element(value, call.node))))


def _map(m: Calls, call: Call) -> Value:
    if len(call.args) == 2:
        passes = m.iterations(call.args[1], call.node)
        results = tuple(m.call(call.args[0], Call(call.node, (item,))) for item in passes)
    else:
        row = tuple(m.element(value, call.node) for value in call.args[1:])
        results = (m.call(call.argument(0), Call(call.node, row, spread=call.spread)),)
    return m.container("generator", call.node, rest=join(*results))


def _filter(m: Calls, call: Call) -> Value:
    item = m.element(call.argument(1), call.node)
    m.call(call.argument(0), Call(call.node, (item,)))
    return m.container("generator", call.node, rest=item)


def _reduce(m: Calls, call: Call) -> Value:
    """Folds twice, so that what the function returns reaches its first argument."""
    item = m.element(call.argument(1), call.node)
    value = join(call.argument(2, "initial"), item if len(call.args) < 3 else NOTHING)
    for step in m.iterations(call.argument(1), call.node):
        value = m.call(call.argument(0), Call(call.node, (value, step)))
    return join(value, m.call(call.argument(0), Call(call.node, (value, item))))


def _accumulate(m: Calls, call: Call) -> Value:
    function = call.argument(1, "func")
    reduced = _reduce(m, Call(call.node, (function, call.argument(0), call.argument(2, "initial"))))
    return m.container("generator", call.node, rest=reduced)


def _bound_method(m: Calls, call: Call) -> Value:
    """`types.MethodType(function, object)`."""
    bound: list[Atom] = []
    for atom in call.argument(0):
        for receiver in call.argument(1):
            if isinstance(atom, Function):
                bound.append(BoundFunction(atom, receiver))
            elif isinstance(atom, External):
                bound.append(BoundExternal(atom.path, receiver))
            elif isinstance(atom, CALLABLE):
                bound.append(Partial((atom,), Call(call.node, ((receiver,),))))
            else:
                bound.append(atom)
    return join(tuple(bound)) or PLAIN


def _chain(m: Calls, call: Call) -> Value:
    made = m.container("list", call.node)
    for value in (*call.args, call.spread):
        for atom in made:
            if isinstance(atom, Instance):
                m.extend(atom, value, call.node)
    return made


def _chain_from(m: Calls, call: Call) -> Value:
    inner = m.element(call.argument(0), call.node)
    return m.container("list", call.node, rest=m.element(inner, call.node))


def _partial(m: Calls, call: Call) -> Value:
    return (Partial(call.argument(0), call.shifted()),)


def _named_tuple(m: Calls, call: Call) -> Value:
    key = (m.context, id(call.node))
    made = m.classes.setdefault(key, UserClass("namedtuple", m.code.place(call.node), m.region))
    listed = [
        text for atom in call.argument(1) for item in (m.items(atom) or ((atom,),)) for text in texts(item)
    ]
    made.fields = tuple(name for text in listed for name in text.replace(",", " ").split())
    return (made,)


def _pass_on(m: Calls, call: Call) -> Value:
    """A wrapper: what it is given can be called as before. With no callable, it is a decorator's maker."""
    kept = (Instance, Function, BoundFunction, BoundExternal, UserClass, Partial, Unresolved, External)
    given = tuple(atom for atom in (*call.argument(0), *call.argument(1)) if isinstance(atom, kept))
    if any(isinstance(atom, Function | BoundFunction) for atom in call.keywords.get("backend", NOTHING)):
        m.note("rules.introspection", "backend=…", call.node, everywhere=True)  # it may return any function
    return given or (Partial((External("functools.cache"),), Call(call.node)),)


def _thread(m: Calls, call: Call) -> Value:
    given = call.keywords.get("args", NOTHING)
    m.call(call.keywords.get("target", NOTHING), Call(call.node, spread=m.element(given, call.node)))
    return PLAIN


def _dataclass(m: Calls, call: Call) -> Value:
    """`dataclass`, with or without arguments."""
    made = tuple(atom for atom in call.argument(0) if isinstance(atom, UserClass))
    for cls in made:
        cls.fields = cls.annotated
    return made or (External("dataclasses.dataclass"),)


def _wraps(m: Calls, call: Call) -> Value:
    return (External("functools.cache"),)


def _copy(m: Calls, call: Call) -> Value:
    """A copy of a network or container; what it holds is copied, too."""
    copies: dict[Instance, Instance] = {}
    return tuple(_cloned(m, atom, call.node, copies) for atom in call.argument(0))


def _cloned(m: Calls, atom: Atom, node: ast.AST, copies: dict[Instance, Instance]) -> Atom:
    if isinstance(atom, TupleOf):
        items = tuple(tuple(_cloned(m, each, node, copies) for each in item) for item in atom.items)
        return TupleOf(items, atom.size)
    if isinstance(atom, Tensor) and atom.source in copies:
        return Tensor(copies[atom.source], atom.how, atom.at)
    if not isinstance(atom, Instance) or len(copies) >= MAX_CLONED:
        return atom
    if atom not in copies:
        m.spend()
        key = ("copy", m.context, id(node), atom)
        fresh = m.instances.setdefault(key, Instance(atom.cls, atom.place, m.region))
        copies[atom] = fresh
        fresh.hooks, fresh.frozen, fresh.kernel = atom.hooks, atom.frozen, atom.kernel
        for name, value in atom.attributes.items():
            fresh.attributes[name] = tuple(_cloned(m, each, node, copies) for each in value)
        for known, value in atom.keyed.items():
            fresh.keyed[known] = tuple(_cloned(m, each, node, copies) for each in value)
        fresh.rest = tuple(_cloned(m, each, node, copies) for each in atom.rest)
    return copies[atom]


def _no_data(m: Calls, call: Call) -> Value:
    """Functions whose results carry no gradient and are not worth keeping."""
    m.callback(call.all(), call)
    return PLAIN


_EFFECTS: dict[str, Effect] = {
    **dynamic.EFFECTS,
    **torch_functions.EFFECTS,
    **dict.fromkeys(("list", "tuple", "iter", "itertools.islice", "itertools.cycle", "tqdm.tqdm"), _list),
    **dict.fromkeys(("tqdm.auto.tqdm", "tqdm.notebook.tqdm", "tqdm.std.tqdm"), _list),
    **dict.fromkeys(("set", "frozenset", "sorted", "collections.deque", "random.sample"), _unordered),
    **dict.fromkeys(("dict", "collections.OrderedDict"), _dict),
    "types.SimpleNamespace": lambda m, call: m.instantiate(External("types.SimpleNamespace"), call),
    "object": lambda m, call: m.instantiate(External("object"), call),
    "argparse.Namespace": lambda m, call: m.instantiate(External("types.SimpleNamespace"), call),
    "collections.namedtuple": _named_tuple,
    "typing.NamedTuple": _named_tuple,
    "reversed": _reversed,
    "max": _extreme,
    "min": _extreme,
    "weakref.ref": _weak_reference,
    "weakref.ref()": _referred,
    "next": _next,
    "zip": _zip,
    "enumerate": _enumerate,
    "map": _map,
    "itertools.starmap": _map,
    "filter": _filter,
    "functools.reduce": _reduce,
    "itertools.accumulate": _accumulate,
    "itertools.chain": _chain,
    "itertools.chain.from_iterable": _chain_from,
    "functools.partial": _partial,
    "functools.partialmethod": _partial,
    "functools.wraps": _wraps,
    "dataclasses.dataclass": _dataclass,
    "types.MethodType": _bound_method,
    "copy.copy": _copy,
    "copy.deepcopy": _copy,
    "threading.Thread": _thread,
    **dict.fromkeys(
        (
            "print",
            "isinstance",
            "issubclass",
            "hasattr",
            "len",
            "id",
            "repr",
            "str",
            "int",
            "bool",
            "range",
            "dir",
            "callable",
            "round",
            "open",
            "input",
            "format",
            "hash",
            "display",
            "IPython.display.display",
        ),
        _no_data,
    ),
}
