"""What methods do that the notebook does not define, above all those of networks and optimizers.

Each table maps a method's name to a function of the machine, the object and the call. A method that
is in no table gives data computed from its object and arguments.
"""

# ruff: noqa: ARG001, ARG005 (every method takes the same arguments)
from __future__ import annotations

from . import classes
from .calls import Calls
from .container_methods import DICT_METHODS, LIST_METHODS, ObjectMethod
from .torch_names import has_parameters, is_seen
from .values import (
    NONE,
    NOTHING,
    PLAIN,
    Atom,
    BoundExternal,
    Call,
    Const,
    External,
    Function,
    Instance,
    Namespace,
    UserClass,
    Value,
    flat,
    join,
    make_tuple,
    texts,
    truth,
)

_FORWARD = frozenset({"forward", "__call__", "_call_impl", "_slow_forward", "_wrapped_call_impl"})


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
        {"list": LIST_METHODS, "dict": DICT_METHODS}.get(kind or "", {}),
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
        return _apply_function(m, cls, call)
    if method.name == "__new__":
        target = call.argument(0) or (cls,)
        return tuple(m.instance(atom, call.node) for atom in target if isinstance(atom, External | UserClass))
    return m.computed(call.all())


def _apply_function(m: Calls, cls: UserClass, call: Call) -> Value:
    """A student's own `torch.autograd.Function`: gradients cross it as its backward says, whatever its
    forward cuts; so each network that is run in either of them counts."""
    context: Value = (m.instance(External("types.SimpleNamespace"), call.node),)
    outer, grad = m.produced, m.grad
    produced: dict[Atom, None] = {}
    m.produced = produced
    own_context = classes.defined(cls, "setup_context")
    first = () if own_context is not None and own_context[0] else (context,)
    result = m.call(
        m.read((cls,), "forward", call.node),
        Call(call.node, (*first, *call.args), call.keywords, call.spread),
    )
    m.call(m.read((cls,), "backward", call.node), Call(call.node, (context,), spread=PLAIN))
    m.produced, m.grad = outer, grad
    return join(m.computed(call.all()), result, tuple(produced) if grad is not False else NOTHING)


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
    "__setstate__": lambda m, thing, call: m.call(m.read((Namespace(thing),), "update", call.node), call),
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
