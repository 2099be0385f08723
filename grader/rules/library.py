"""What functions and classes do that the notebook does not define.

`_EFFECTS` maps canonical paths to functions of the machine and the call; the sets in `torch_names`
name whole families. Everything else that is known to be harmless computes data from its arguments,
and what is not known at all is written down as unclear.
"""

# ruff: noqa: ARG001, ARG005 (every effect takes the same arguments)
from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TypeAlias

from .calls import Calls
from .torch_names import (
    CUTTING_FUNCTIONS,
    HARMLESS_COMMANDS,
    INTROSPECTION,
    LOADERS,
    PARAMETER,
    PROCESSES,
    SEEDS,
    TENSOR,
    TENSOR_MAKERS,
    WRAPPERS,
    canonical,
    is_module_class,
    is_numeric,
    is_optimizer_class,
    is_seen,
    kernel_modules,
)
from .values import (
    NONE,
    NOTHING,
    PLAIN,
    Atom,
    BoundExternal,
    BoundFunction,
    Call,
    External,
    Function,
    GradMode,
    Instance,
    Namespace,
    Partial,
    Scope,
    Tensor,
    TupleOf,
    Unresolved,
    UserClass,
    Value,
    join,
    make_tuple,
    texts,
    truth,
)

Effect: TypeAlias = Callable[[Calls, Call], Value]

MAX_CLONED = 200


def call_external(m: Calls, path: str, call: Call) -> Value:
    """The result of calling the function or class at a canonical path."""
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
    if path in LOADERS:
        return m.unresolved("rules.loaded_object", path, call.node)
    if path.startswith(PROCESSES):
        m.note("rules.process", path, call.node, everywhere=True)
        return join(PLAIN, m.callback(call.all(), call))
    if path.startswith(INTROSPECTION):
        m.note("rules.introspection", path, call.node, everywhere=True)
        return m.unresolved("rules.introspection", path, call.node)
    if owner.rpartition(".")[2][:1].isupper() or owner in ("object", "list", "dict", "type"):
        return _call_unbound(m, path, call)
    if not is_seen(path):
        return m.call_unseen(path, call)
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


# -- code and names that are computed -----------------------------------------------------------------


def _execute(m: Calls, call: Call) -> Value:
    """`exec` and its relatives."""
    known = texts(call.argument(0))
    if not known or len(known) < len(call.argument(0)):
        m.note("rules.dynamic_code", "exec", call.node, everywhere=True)
    for text in known:
        m.execute_text(text, call.node, _scope_of(m, call.argument(1)))
    return NONE


def _evaluate(m: Calls, call: Call) -> Value:
    known = texts(call.argument(0))
    result = join(*(m.execute_text(text, call.node, _scope_of(m, call.argument(1))) for text in known))
    if not known or len(known) < len(call.argument(0)):
        m.note("rules.dynamic_code", "eval", call.node)
        result = join(result, m.unresolved("rules.dynamic_code", "eval", call.node))
    return result


def _scope_of(m: Calls, namespace: Value) -> Scope:
    """Where executed text finds its names: here, or in a dictionary that is given."""
    for atom in namespace:
        if isinstance(atom, Namespace) and isinstance(atom.of, Scope):
            return atom.of
        if isinstance(atom, Instance):
            names = {key: value for key, value in atom.keyed.items() if isinstance(key, str)}
            return Scope(parent=m.builtin, names=names)
    return m.scope


def _cell_magic(m: Calls, call: Call) -> Value:
    """`get_ipython().run_cell_magic(name, line, body)`: some magics run the body as it stands."""
    name = (texts(call.argument(0)) or [""])[0]
    if name in ("time", "timeit", "capture", "prun", "memit", "mprun"):
        return _execute(m, call.shifted(2))
    if name not in ("html", "HTML", "latex", "markdown", "javascript", "js", "svg", "writefile"):
        m.note("rules.opaque", f"%%{name}", call.node)
    return PLAIN


def _shell_command(m: Calls, call: Call) -> Value:
    """`!command`: installing packages or looking at the machine changes nothing that is read here."""
    command = (texts(call.argument(0)) or [""])[0].strip()
    if command.split(" ")[0] not in HARMLESS_COMMANDS:
        m.note("rules.process", f"!{command}", call.node, everywhere=True)
    return PLAIN


def _line_magic(m: Calls, call: Call) -> Value:
    name = (texts(call.argument(0)) or [""])[0]
    if name in ("time", "timeit", "prun", "memit"):
        words = (texts(call.argument(1)) or [""])[0].split(" ")
        while words and (words[0].startswith("-") or words[0].isdigit() or not words[0]):
            words = words[1:]
        return m.execute_text(" ".join(words), call.node)
    if name in ("run", "load", "macro", "store", "rerun", "recall", "edit", "pylab"):
        m.note("rules.opaque", f"%{name}", call.node, everywhere=True)
    return PLAIN


def _get_attribute(m: Calls, call: Call) -> Value:
    value, names = call.argument(0), texts(call.argument(1))
    if names and len(names) == len(call.argument(1)):
        return join(*(m.read(value, name, call.node) for name in names), call.argument(2))
    held = [atom for atom in value if isinstance(atom, Instance)]
    if held and len(held) == len(value):  # anything that the object holds
        found = join(*(value for atom in held for value in (*atom.attributes.values(), atom.contents)))
        return join(found, *(m.parameters(atom, call.node) for atom in held)) or PLAIN
    if all(isinstance(atom, External) and is_numeric(atom.path) for atom in value):
        return PLAIN
    return m.unresolved("rules.dynamic_name", "getattr", call.node)


def _set_attribute(m: Calls, call: Call) -> Value:
    names = texts(call.argument(1))
    for name in names:
        m.write(call.argument(0), name, call.argument(2), call.node)
    if not names or len(names) < len(call.argument(1)):
        for atom in call.argument(0):
            if isinstance(atom, Instance):
                m.put(
                    atom,
                    None,
                    tuple(each for each in call.argument(2) if isinstance(each, Instance | Function)),
                )
            else:
                m.note("rules.dynamic_name", "setattr", call.node, everywhere=True)
    return NONE


def _import(m: Calls, call: Call) -> Value:
    names = texts(call.argument(0, "name"))
    if names and len(names) == len(call.argument(0, "name")):
        return tuple(External(canonical(name)) for name in names)
    return m.unresolved("rules.dynamic_import", "import", call.node)


def _import_top(m: Calls, call: Call) -> Value:
    """`__import__("torch.nn")` gives `torch`."""
    found = _import(m, call)
    if call.argument(3, "fromlist"):
        return found
    return tuple(
        External(atom.path.partition(".")[0]) if isinstance(atom, External) else atom for atom in found
    )


def _global_names(m: Calls, call: Call) -> Value:
    return (Namespace(m.globals),)


def _local_names(m: Calls, call: Call) -> Value:
    return (Namespace(m.scope),)


def _names_of(m: Calls, call: Call) -> Value:
    if not call.args:
        return (Namespace(m.scope),)
    return join(*(m.read((atom,), "__dict__", call.node) for atom in call.argument(0)))


def _attribute_getter(m: Calls, call: Call) -> Value:
    return (Partial((External("operator.attrgetter()"),), call),)


def _get_by_path(m: Calls, call: Call) -> Value:
    """What `operator.attrgetter("nn.RNN")` does once it is called: the names come first, then the object."""
    value = call.args[-1] if len(call.args) > 1 else PLAIN
    for path in texts(call.argument(0)):
        for name in path.split("."):
            value = m.read(value, name, call.node)
    return value if texts(call.argument(0)) else m.unresolved("rules.dynamic_name", "attrgetter", call.node)


def _type(m: Calls, call: Call) -> Value:
    if len(call.args) < 3:
        return tuple(atom.cls for atom in call.argument(0) if isinstance(atom, Instance)) or PLAIN
    key = (m.context, id(call.node))
    bases = tuple(item for atom in call.args[1] for item in m.items(atom) or ())
    made = m.classes.setdefault(key, UserClass("type()", m.code.place(call.node), m.region))
    made.name, made.bases = (texts(call.args[0]) or ["type()"])[0], bases
    for atom in call.args[2]:
        if isinstance(atom, Instance):
            made.attributes.update({key: value for key, value in atom.keyed.items() if isinstance(key, str)})
    return (made,)


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
    return m.container("list", call.node, rest=m.element(call.argument(0), call.node))


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
    return given or (Partial((External("functools.cache"),), Call(call.node)),)


def _call_first(m: Calls, call: Call) -> Value:
    """`checkpoint(f, x)`, `Thread(target=f, args=...)`: the function is called with what follows it."""
    return m.call(call.argument(0), call.shifted())


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


# -- torch --------------------------------------------------------------------------------------------


def _no_grad(m: Calls, call: Call) -> Value:
    """`torch.no_grad()`; as a bare decorator it is given the function."""
    mode = GradMode(False)
    if any(isinstance(atom, Function) for atom in call.argument(0)):
        return m.call((mode,), call)
    return (mode,)


def _inference_mode(m: Calls, call: Call) -> Value:
    return (GradMode(False),) if truth(call.argument(0, "mode")) is not False else _enable_grad(m, call)


def _enable_grad(m: Calls, call: Call) -> Value:
    if any(isinstance(atom, Function) for atom in call.argument(0)):
        return m.call((GradMode(True),), call)
    return (GradMode(True),)


def _set_grad(m: Calls, call: Call) -> Value:
    """Takes effect at once; as a context manager, it is taken back by the `with` statement."""
    enabled = truth(call.argument(0, "mode"))
    m.grad = enabled if not any(entry > 0 for entry in m.region) or enabled == m.grad else None
    return (GradMode(enabled),)


def _backward(m: Calls, call: Call) -> Value:
    m.note_backward(call.argument(0, "tensors", "outputs"), call.node)
    return PLAIN


def _gradient_function(m: Calls, call: Call) -> Value:
    return (Partial(call.argument(0, "func"), Call(call.node), differentiates=True),)


def _gradient_of_call(m: Calls, call: Call) -> Value:
    """`torch.autograd.functional.jacobian(f, x)`: calls and differentiates at once."""
    m.note_backward(m.call(call.argument(0), Call(call.node, spread=call.argument(1))), call.node)
    return PLAIN


def _functional_call(m: Calls, call: Call) -> Value:
    """A network's forward with other parameters: it is still that network's forward."""
    given = call.argument(2, "args")
    exact = m.sequence(given)
    args = exact if exact is not None else (given,)
    return join(m.call(call.argument(0, "module"), Call(call.node, args)), m.computed(call.argument(1)))


def _parameter(m: Calls, call: Call) -> Value:
    made = m.instance(External(PARAMETER), call.node)
    made.frozen = truth(call.argument(1, "requires_grad")) is False
    return (Tensor(made, "parameters", made.place),)


def _shell(m: Calls, call: Call) -> Value:
    return (External("IPython.shell"),)


def _no_data(m: Calls, call: Call) -> Value:
    """Functions whose results carry no gradient and are not worth keeping."""
    m.callback(call.all(), call)
    return PLAIN


_EFFECTS: dict[str, Effect] = {
    "exec": _execute,
    "eval": _evaluate,
    "compile": lambda m, call: call.argument(0),
    "getattr": _get_attribute,
    "setattr": _set_attribute,
    "object.__setattr__": _set_attribute,
    "torch.nn.Module.__setattr__": _set_attribute,
    "globals": _global_names,
    "locals": _local_names,
    "vars": _names_of,
    "type": _type,
    "importlib.import_module": _import,
    "__import__": _import_top,
    "importlib.__import__": _import_top,
    "importlib.reload": lambda m, call: call.argument(0),
    "operator.attrgetter": _attribute_getter,
    "operator.attrgetter()": _get_by_path,
    "get_ipython": _shell,
    "IPython.get_ipython": _shell,
    "IPython.shell.run_cell_magic": _cell_magic,
    "IPython.shell.run_line_magic": _line_magic,
    "IPython.shell.magic": _line_magic,
    "IPython.shell.run_cell": _execute,
    "IPython.shell.run_code": _execute,
    "IPython.shell.ex": _execute,
    "IPython.shell.system": _shell_command,
    "IPython.shell.getoutput": _shell_command,
    "os.system": _shell_command,
    "IPython.shell.ev": _evaluate,
    **dict.fromkeys(("list", "tuple", "iter", "itertools.islice", "itertools.cycle", "tqdm.tqdm"), _list),
    **dict.fromkeys(("tqdm.auto.tqdm", "tqdm.notebook.tqdm", "tqdm.std.tqdm"), _list),
    **dict.fromkeys(("set", "frozenset", "sorted", "collections.deque", "random.sample"), _unordered),
    **dict.fromkeys(("dict", "collections.OrderedDict"), _dict),
    "collections.defaultdict": lambda m, call: m.dictionary(
        call.node, {}, m.call(call.argument(0), Call(call.node)) if call.args else NOTHING
    ),
    "types.SimpleNamespace": lambda m, call: m.instantiate(External("types.SimpleNamespace"), call),
    "object": lambda m, call: m.instantiate(External("object"), call),
    "argparse.Namespace": lambda m, call: m.instantiate(External("types.SimpleNamespace"), call),
    "collections.namedtuple": _named_tuple,
    "typing.NamedTuple": _named_tuple,
    "reversed": _reversed,
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
    "copy.copy": _copy,
    "copy.deepcopy": _copy,
    "threading.Thread": _thread,
    "torch.no_grad": _no_grad,
    "torch.inference_mode": _inference_mode,
    "torch.enable_grad": _enable_grad,
    "torch.set_grad_enabled": _set_grad,
    "torch._C._set_grad_enabled": _set_grad,
    "torch.autograd.backward": _backward,
    "torch.autograd.grad": _backward,
    "torch.Tensor.backward": _backward,
    **dict.fromkeys(
        [f"torch.func.{name}" for name in ("grad", "grad_and_value", "jacrev", "jacfwd", "vjp", "hessian")],
        _gradient_function,
    ),
    "torch.autograd.functional.jacobian": _gradient_of_call,
    "torch.autograd.functional.vjp": _gradient_of_call,
    "torch.func.functional_call": _functional_call,
    "torch.utils.checkpoint.checkpoint": _call_first,
    "torch.nn.parallel.data_parallel": _call_first,
    "torch.nn.utils.skip_init": _call_first,
    "torch.nn.utils.parametrize.register_parametrization": _pass_on,
    PARAMETER: _parameter,
    "torch.nn.Buffer": lambda m, call: m.computed(call.argument(0)),
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
