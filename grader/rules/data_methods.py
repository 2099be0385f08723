"""What the methods of tensors, constants and namespaces do.

They are asked of all that one object may be at once: what a loss depends on is one set.
"""

# ruff: noqa: ARG001 (every method takes the same arguments)
from __future__ import annotations

import re
from collections.abc import Callable

from . import classes, text
from .calls import Calls
from .torch_names import CUT, KEEPS_IDENTITY
from .values import (
    NONE,
    PLAIN,
    Call,
    Const,
    GradMode,
    Instance,
    Namespace,
    Tensor,
    Unresolved,
    Value,
    join,
    truth,
)


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
    folded = text.method(m, name, receivers, call)
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
    names = m.names_in(space, call.node)
    if name == "keys":
        return m.container("list", call.node, rest=PLAIN)
    if name in ("values", "items", "copy") and names is not None:
        entries = {key: value for key, value in names.items() if not re.match("__|_i|_o", key)}
        copied = m.dictionary(call.node, dict(entries))
        return m.call(m.read(copied, name, call.node), Call(call.node)) if name != "copy" else copied
    return m.unresolved("rules.dynamic_name", f"{name}()", call.node)
