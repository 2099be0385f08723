"""What methods do that the notebook does not define: of networks, optimizers, containers, tensors.

Each table maps a method's name to a function of the machine, the object and the call. A method that
is in no table gives data computed from its object and arguments.
"""

# ruff: noqa: ARG001, ARG005 (every method takes the same arguments)
from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import TypeAlias

from . import classes
from .calls import Calls
from .torch_names import CUT, KEEPS_IDENTITY, has_parameters, is_seen
from .values import (
    NONE,
    NOTHING,
    PLAIN,
    BoundExternal,
    Call,
    Const,
    External,
    Function,
    GradMode,
    Instance,
    Namespace,
    Scope,
    Tensor,
    Unresolved,
    UserClass,
    Value,
    constants,
    flat,
    join,
    make_tuple,
    texts,
    truth,
)

ObjectMethod: TypeAlias = Callable[[Calls, Instance, Call], Value]

_FORWARD = frozenset({"forward", "__call__", "_call_impl", "_slow_forward", "_wrapped_call_impl"})
_MAX_FOLDED = 100


def call_bound(m: Calls, method: BoundExternal, call: Call) -> Value:
    """A method, by the path of the class that has it, of an object or class."""
    receiver, name = method.receiver, method.name
    if name in ("__getattribute__", "__getattr__"):
        return join(*(m.read((receiver,), each, call.node) for each in texts(call.argument(0)))) or PLAIN
    if isinstance(receiver, Instance):
        return _call_on_instance(m, receiver, method, call)
    if isinstance(receiver, UserClass):
        return _call_on_class(m, receiver, method, call)
    if isinstance(receiver, Function) and name == "setter":
        receiver.setter = call.argument(0)
        return (receiver,)
    return m.call_on_data(name, (receiver,), call)


def _call_on_instance(m: Calls, thing: Instance, method: BoundExternal, call: Call) -> Value:
    name = method.name
    if name in _FORWARD and (classes.is_module(thing.cls) or has_parameters(method.path.rpartition(".")[0])):
        return _forward(m, thing, method, call)
    kind = classes.container_kind(thing.cls)
    tables = (
        _OBJECT_METHODS,
        {"list": _LIST_METHODS, "dict": _DICT_METHODS}.get(kind or "", {}),
        _MODULE_METHODS if classes.is_module(thing.cls) else {},
        _OPTIMIZER_METHODS if classes.is_optimizer(thing.cls) else {},
    )
    effect = next((table[name] for table in tables if name in table), None)
    if effect is not None:
        return effect(m, thing, call)
    if not is_seen(method.path):
        return m.call_unseen(method.path, call)
    return join(m.computed((thing,) if m.holds_data(thing) else NOTHING), m.compute(method.path, call))


def _forward(m: Calls, thing: Instance, method: BoundExternal, call: Call) -> Value:
    """A torch class's own forward, past that of the notebook, or `__call__`, which finds the latter.

    The forward of a class that the object is not derived from computes that class's network.
    """
    cls = method.path.rpartition(".")[0]
    if has_parameters(cls) and cls not in classes.external_bases(thing.cls):
        return m.call_instance(m.instance(External(cls), call.node), call)
    overridden = classes.defined(thing.cls, "__call__")
    if method.name != "forward" and overridden is not None and overridden[0]:
        return m.call(m.read((thing,), "forward", call.node), call)
    return m.call_instance(thing, call, own=method.name != "forward")


def _call_on_class(m: Calls, cls: UserClass, method: BoundExternal, call: Call) -> Value:
    if method.path == "torch.autograd.Function.apply":
        context = m.instance(External("types.SimpleNamespace"), call.node)
        return m.call(
            m.read((cls,), "forward", call.node), Call(call.node, ((context,), *call.args), call.keywords)
        )
    if method.name == "__new__":
        target = call.argument(0) or (cls,)
        return tuple(m.instance(atom, call.node) for atom in target if isinstance(atom, External | UserClass))
    return m.computed(call.all())


# -- any object, optimizers ------------------------------------------------------------------------------


def _backward(m: Calls, thing: Instance, call: Call) -> Value:
    """`accelerator.backward(loss)`, or that of a tensor to write into."""
    m.note_backward(join((thing,) if m.holds_data(thing) else NOTHING, call.all()), call.node)
    return NONE


def _initialize(m: Calls, thing: Instance, call: Call) -> Value:
    m.fill(thing, call)
    return NONE


def _set_attribute(m: Calls, thing: Instance, call: Call) -> Value:
    for name in texts(call.argument(0)):
        m.write((thing,), name, call.argument(1), call.node)
    return NONE


def _step(m: Calls, thing: Instance, call: Call) -> Value:
    m.part.steps[m.code.place(call.node)] = None
    return m.call(call.argument(0, "closure"), Call(call.node))


_OBJECT_METHODS: dict[str, ObjectMethod] = {
    "backward": _backward,
    "__init__": _initialize,
    "__setattr__": _set_attribute,
}
_OPTIMIZER_METHODS: dict[str, ObjectMethod] = {"step": _step}


# -- networks -----------------------------------------------------------------------------------------


def _parameters(m: Calls, net: Instance, call: Call) -> Value:
    return m.container("generator", call.node, rest=m.parameters(net, call.node))


def _named_parameters(m: Calls, net: Instance, call: Call) -> Value:
    return m.container("generator", call.node, rest=make_tuple((PLAIN, m.parameters(net, call.node))))


def _get_parameter(m: Calls, net: Instance, call: Call) -> Value:
    value: Value = (net,)
    for part in (texts(call.argument(0)) or [""])[0].split("."):
        value = m.read(value, part, call.node) if part else m.parameters(net, call.node)
    return value


def _submodules(net: Instance) -> tuple[Instance, ...]:
    held = [*net.attributes.values(), *net.keyed.values(), net.rest]
    found = [atom for value in held for atom in flat(value) if isinstance(atom, Instance)]
    return tuple(dict.fromkeys(atom for atom in found if classes.is_module(atom.cls)))


def _all_modules(m: Calls, net: Instance) -> tuple[Instance, ...]:
    found: dict[Instance, None] = {}
    waiting = [net]
    while waiting:
        each = waiting.pop(0)
        if each not in found:
            m.spend()
            found[each] = None
            waiting += _submodules(each)
    return tuple(found)


def _children(m: Calls, net: Instance, call: Call) -> Value:
    return m.container("generator", call.node, tuple((child,) for child in _submodules(net)))


def _named_children(m: Calls, net: Instance, call: Call) -> Value:
    pairs = tuple(make_tuple((PLAIN, (child,))) for child in _submodules(net))
    return m.container("generator", call.node, pairs)


def _modules(m: Calls, net: Instance, call: Call) -> Value:
    return m.container("generator", call.node, tuple((each,) for each in _all_modules(m, net)))


def _named_modules(m: Calls, net: Instance, call: Call) -> Value:
    pairs = tuple(make_tuple((PLAIN, (each,))) for each in _all_modules(m, net))
    return m.container("generator", call.node, pairs)


def _apply(m: Calls, net: Instance, call: Call) -> Value:
    for each in _all_modules(m, net):
        m.call(call.argument(0, "fn"), Call(call.node, ((each,),)))
    return (net,)


def _itself(m: Calls, thing: Instance, call: Call) -> Value:
    return (thing,)


def _nothing(m: Calls, thing: Instance, call: Call) -> Value:
    return NONE


def _requires_grad(m: Calls, net: Instance, call: Call) -> Value:
    frozen = truth(call.argument(0, "requires_grad") or (Const(True),)) is False
    for each in _all_modules(m, net):
        each.frozen = frozen
    return (net,)


def _register(m: Calls, net: Instance, call: Call) -> Value:
    for name in texts(call.argument(0, "name")):
        m.write((net,), name, call.argument(1, "module", "param", "tensor"), call.node)
        if classes.container_kind(net.cls) == "list":
            m.append(net, call.argument(1, "module"))
    if not texts(call.argument(0, "name")):
        m.put(net, None, call.argument(1, "module", "param", "tensor"))
    return NONE


def _hook(m: Calls, net: Instance, call: Call) -> Value:
    net.hooks = join(net.hooks, call.argument(0, "hook"))
    m.changes += 1
    return PLAIN


def _state_dict(m: Calls, net: Instance, call: Call) -> Value:
    return m.container("dict", call.node, rest=PLAIN)


_MODULE_METHODS: dict[str, ObjectMethod] = {
    "parameters": _parameters,
    "named_parameters": _named_parameters,
    "get_parameter": _get_parameter,
    "get_submodule": _get_parameter,
    "children": _children,
    "named_children": _named_children,
    "modules": _modules,
    "named_modules": _named_modules,
    "apply": _apply,
    "requires_grad_": _requires_grad,
    "add_module": _register,
    "register_module": _register,
    "register_parameter": _register,
    "register_buffer": _register,
    "register_forward_hook": _hook,
    "register_forward_pre_hook": _hook,
    "state_dict": _state_dict,
    "load_state_dict": _nothing,
    "zero_grad": _nothing,
    "extra_repr": _nothing,
    "reset_parameters": _nothing,
    "flatten_parameters": _nothing,
    "compile": _nothing,
    "buffers": lambda m, net, call: m.container("generator", call.node, rest=PLAIN),
    **dict.fromkeys(
        "to cuda cpu train eval double float half bfloat16 type share_memory to_empty __enter__".split(),
        _itself,
    ),
}


# -- lists and dictionaries -----------------------------------------------------------------------------


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


_LIST_METHODS: dict[str, ObjectMethod] = {
    "append": _append,
    "add": _append,
    "appendleft": _insert,
    "extend": _extend,
    "update": _extend,
    "__iadd__": _extend,
    "insert": _insert,
    "sort": _rearrange,
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
_DICT_METHODS: dict[str, ObjectMethod] = {
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


# -- data and namespaces ----------------------------------------------------------------------------------


def call_on_data(m: Calls, name: str, receivers: Value, call: Call) -> Value:
    """A method of tensors, constants, or namespaces; all receivers are things the one object may be."""
    spaces = tuple(atom for atom in receivers if isinstance(atom, Namespace))
    if spaces:
        return join(*(_call_on_namespace(m, atom, name, call) for atom in spaces))
    effect = _DATA_METHODS.get(name)
    if effect is not None:
        return effect(m, receivers, call)
    if name in CUT:  # what an unresolved thing's method of that name does is not known
        return join(PLAIN, tuple(atom for atom in receivers if isinstance(atom, Unresolved)))
    folded = _fold(name, receivers, call)
    if folded:
        return folded
    buffers = tuple(atom for atom in receivers if isinstance(atom, Instance))
    in_place = name.endswith("_")
    for atom in buffers if in_place and m.grad is not False else ():
        m.put(atom, None, m.taints(call.all()))
    result = join(m.computed(receivers), m.compute(name, call))
    return join(buffers, result) if in_place or name in KEEPS_IDENTITY else result


def _differentiate(m: Calls, receivers: Value, call: Call) -> Value:
    """`loss.backward()`; of something that is no tensor as far as can be told, what it is given counts."""
    tensor = any(isinstance(atom, Tensor) for atom in receivers)
    m.note_backward(receivers if tensor else join(receivers, call.all()), call.node)
    return NONE


def _freeze(m: Calls, receivers: Value, call: Call) -> Value:
    for atom in receivers:
        if isinstance(atom, Tensor) and atom.how == "parameters":
            atom.source.frozen = truth(call.argument(0, "requires_grad") or (Const(True),)) is False
    return receivers


def _gradient_hook(m: Calls, receivers: Value, call: Call) -> Value:
    m.callback(call.all(), call)
    return PLAIN


def _enter(m: Calls, receivers: Value, call: Call) -> Value:
    for atom in receivers:
        if isinstance(atom, GradMode):  # torch.no_grad().__enter__()
            m.grad = atom.enabled
    return receivers


def _leave(m: Calls, receivers: Value, call: Call) -> Value:
    if any(isinstance(atom, GradMode) for atom in receivers):
        m.grad = True
    return NONE


def _scaled_step(m: Calls, receivers: Value, call: Call) -> Value:
    """`scaler.step(optimizer)`."""
    if any(isinstance(atom, Instance) and classes.is_optimizer(atom.cls) for atom in call.all()):
        m.part.steps[m.code.place(call.node)] = None
    return m.compute("step", call)


_DATA_METHODS: dict[str, Callable[[Calls, Value, Call], Value]] = {
    "backward": _differentiate,
    "requires_grad_": _freeze,
    "register_hook": _gradient_hook,
    "__enter__": _enter,
    "__exit__": _leave,
    "step": _scaled_step,
}


def _fold(name: str, receivers: Value, call: Call) -> Value:
    """Text methods on short constants, as names are sometimes put together; empty if not one of these."""
    operands = texts(receivers)
    given = [texts(value) for value in call.args]
    if len(operands) != 1 or len(receivers) != 1 or any(len(each) != 1 for each in given) or call.keywords:
        return NOTHING
    text, arguments = operands[0], [each[0] for each in given]
    if any(len(each) > _MAX_FOLDED for each in (text, *arguments)):
        return NOTHING
    if not arguments and name in ("upper", "lower", "strip", "title", "capitalize", "swapcase"):
        return (Const(getattr(text, name)()),)
    if len(arguments) == 2 and name == "replace":
        return (Const(text.replace(arguments[0], arguments[1])),)
    if arguments and name == "format" and text.count("{}") == len(arguments):
        pieces = text.split("{}")
        if not any("{" in piece or "}" in piece for piece in pieces):
            return (
                Const("".join(piece + word for piece, word in zip(pieces, [*arguments, ""], strict=True))),
            )
    return NOTHING


def _call_on_namespace(m: Calls, space: Namespace, name: str, call: Call) -> Value:
    """`globals().update(...)`, `vars(net).get(...)`, `net._modules.values()` and the like."""
    if name in ("get", "__getitem__", "pop", "setdefault"):
        found = m.subscript((space,), call.argument(0), call.node)
        return join(found, call.argument(1))
    if name == "__setitem__":
        m.store((space,), call.argument(0), call.argument(1), call.node)
        return NONE
    if name == "update":
        for key, value in call.keywords.items():
            m.store((space,), (Const(key),), value, call.node)
        for atom in call.argument(0):
            if isinstance(atom, Instance):
                for known, value in atom.keyed.items():
                    m.store((space,), (Const(known),), value, call.node)
            if not isinstance(atom, Instance) or atom.rest:
                m.note("rules.dynamic_name", "update", call.node, everywhere=True)
        return NONE
    names = names_in(m, space, call.node)
    if name == "keys":
        return m.container("list", call.node, rest=PLAIN)
    if name in ("values", "items", "copy") and names is not None:
        entries = {key: value for key, value in names.items() if not re.match("__|_i|_o", key)}
        copied = m.dictionary(call.node, dict(entries))
        return m.call(m.read(copied, name, call.node), Call(call.node)) if name != "copy" else copied
    return m.unresolved("rules.dynamic_name", f"{name}()", call.node)


def names_in(m: Calls, space: Namespace, node: ast.AST) -> dict[str, Value] | None:
    """The entries of a namespace where all of them are known."""
    owner = space.of
    if isinstance(owner, Scope):
        return owner.names
    if isinstance(owner, UserClass):
        return owner.attributes
    if isinstance(owner, Instance):
        if classes.core_base(owner.cls) is not None and not owner.attributes:
            return {"weight": m.parameters(owner, node)}
        return {**owner.attributes, **{str(key): value for key, value in owner.keyed.items()}}
    return None
