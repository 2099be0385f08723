"""What torch's functions do that neither make a network nor only compute: gradients, their modes, calls."""

# ruff: noqa: ARG001 (every effect takes the same arguments)
from __future__ import annotations

from .calls import Calls
from .dynamic import Effect
from .torch_names import PARAMETER
from .values import (
    PLAIN,
    Call,
    External,
    Function,
    GradMode,
    Partial,
    Tensor,
    Value,
    join,
    truth,
)


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


def _call_first(m: Calls, call: Call) -> Value:
    """`checkpoint(f, x)`: the function is called with what follows it."""
    return m.call(call.argument(0), call.shifted())


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


EFFECTS: dict[str, Effect] = {
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
    PARAMETER: _parameter,
    "torch.nn.Buffer": lambda m, call: m.computed(call.argument(0)),
}
