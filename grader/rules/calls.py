"""Calls: functions of the notebook are read through, classes make objects, networks give outputs."""

from __future__ import annotations

import ast
from abc import abstractmethod
from dataclasses import replace

from . import classes
from .machine import UNNAMED
from .objects import Objects
from .torch_names import SEQUENTIAL, TENSOR, kernel_modules
from .values import (
    CALLABLE,
    NOTHING,
    PLAIN,
    Atom,
    BoundExternal,
    BoundFunction,
    Call,
    Const,
    External,
    Function,
    GradMode,
    Instance,
    Namespace,
    Partial,
    Plain,
    Scope,
    Tensor,
    TupleOf,
    Unresolved,
    UserClass,
    Value,
    join,
    make_tuple,
)

MAX_RUNNING = 14  # functions inside functions
MAX_RECURSION = 2
_RUNS_TEXT = frozenset({"exec", "eval", "__import__", "importlib.import_module"})
MAX_DEPTH = 40  # calls of any kind inside each other


class Calls(Objects):
    """Calls whatever a value may be."""

    @abstractmethod
    def run_body(self, function: Function, scope: Scope) -> Value:
        """Run a function's statements; its result."""

    @abstractmethod
    def call_external(self, path: str, call: Call) -> Value:
        """The result of a function or class that is not defined in the notebook."""

    @abstractmethod
    def call_bound(self, method: BoundExternal, call: Call) -> Value:
        """The result of a method that is not defined in the notebook."""

    @abstractmethod
    def call_on_data(self, name: str, receivers: Value, call: Call) -> Value:
        """The result of a tensor's (or a constant's) method."""

    def call(self, callee: Value, call: Call) -> Value:
        self.spend()
        targets = [atom for atom in callee if isinstance(atom, CALLABLE)]
        others: list[Atom] = []
        methods: dict[str, list[Atom]] = {}  # of data, by name: asked of all that one object may be at once
        for atom in targets:
            if isinstance(atom, BoundExternal) and atom.path.startswith(TENSOR):
                methods.setdefault(atom.name, []).append(atom.receiver)
            else:
                others.append(atom)
        unknown = tuple(atom for atom in callee if isinstance(atom, Unresolved | Plain))
        if self.depth >= MAX_DEPTH:
            return self.unresolved("rules.budget", "calls", call.node)
        result = self._call_unknown(unknown, call) if len(targets) < len(callee) else NOTHING
        self.depth += 1
        sure, self.sure = self.sure, self.sure and len(others) + len(methods) == 1
        for name, receivers in methods.items():
            result = join(result, self.call_on_data(name, tuple(receivers), call))
        for other in others:
            result = join(result, self._call_atom(other, call))
        self.sure = sure
        self.depth -= 1
        return result

    def _call_atom(self, atom: Atom, call: Call) -> Value:
        if isinstance(atom, Instance):
            return self.call_instance(atom, call)
        if isinstance(atom, BoundFunction):
            return self._call_method(atom, call)
        if isinstance(atom, Function):
            return self.call_function(atom, call)
        if isinstance(atom, BoundExternal):
            return self.call_bound(atom, call)
        if isinstance(atom, UserClass):
            return self.instantiate(atom, call)
        if isinstance(atom, External):
            return self.call_external(atom.path, call)
        if isinstance(atom, Partial):
            return self._call_partial(atom, call)
        return self._decorate(atom, call) if isinstance(atom, GradMode) else PLAIN

    def _call_unknown(self, unknown: Value, call: Call) -> Value:
        """A call of something that is data, as far as can be told, or of what cannot be known."""
        networks = self.hands_over_networks(call)
        if any(isinstance(atom, Plain | Unresolved) for atom in unknown):
            self.part.unfollowed["rules.unseen_code", _callee(call), self.code.place(call.node)] = None
        for atom in unknown:
            if isinstance(atom, Unresolved) and (networks or atom.why in UNNAMED):
                self.note(atom.why, atom.what, call.node)
        kept: Value = tuple(atom for atom in unknown if isinstance(atom, Unresolved))
        if self.lost and len(kept) < len(unknown):  # it may be a network that went out of sight
            kept = join(kept, self.unresolved("rules.unseen_code", _callee(call), call.node))
        return join(kept, self.compute("…", call))

    def compute(self, what: str, call: Call) -> Value:
        """The result of something harmless of which no more is known: data. Where it is given a network,
        or a class of networks, the result may be that, and cannot be told."""
        given = contained(call.all())
        if any(isinstance(atom, External) and atom.path in _RUNS_TEXT for atom in given):
            self.note("rules.dynamic_code", what, call.node, everywhere=True)
        result = join(self.computed(call.all()), self.callback(given, call))
        if self.hands_over_networks(call):
            self.lost = True
            result = join(result, self.unresolved("rules.unseen_code", what, call.node))
        return result

    def special(self, value: Value, name: str, args: tuple[Value, ...], node: ast.AST) -> Value:
        """What a special method of the notebook's own objects gives; nothing where they have none."""
        result = NOTHING
        for atom in value:
            if isinstance(atom, Instance) and isinstance(atom.cls, UserClass):
                found = classes.defined(atom.cls, name)
                if found is not None and found[0]:
                    result = join(result, self.call(self.read((atom,), name, node), Call(node, args)))
        return result

    def hands_over_networks(self, call: Call) -> bool:
        """Whether a network is given, or a class, forward, kernel or namespace that one is found in."""
        for atom in contained(call.all()):
            forward = isinstance(atom, BoundExternal) and atom.name in ("forward", "__call__", "_call_impl")
            thing = atom.receiver if isinstance(atom, BoundExternal) and forward else atom
            if isinstance(thing, Namespace):
                return True
            if isinstance(thing, External) and kernel_modules(thing.path):
                return True
            cls = thing.cls if isinstance(thing, Instance) else thing
            if isinstance(cls, External | UserClass) and classes.is_module(cls):
                return True
        return False

    # -- functions of the notebook

    def call_function(self, function: Function, call: Call) -> Value:
        """Read the function's body with these arguments.

        A function that is already running twice gives back data computed from its arguments.
        """
        if self.running.count(function) >= MAX_RECURSION:
            return self.computed(call.all())
        if len(self.running) >= MAX_RUNNING:
            return self.unresolved("rules.budget", function.name, call.node)
        scope = Scope(parent=function.scope, function=function, first=call.argument(0))
        self._bind_arguments(function, call, scope)
        context, code, grad = self.context, self.code, self.grad
        self.context = (*context, id(call.node))
        self.called.append(self.code.place(call.node))
        self.running.append(function)
        self.code = function.code
        if function.grad is not None:
            self.grad = function.grad.enabled
        result = self.run_body(function, scope)
        if function.grad is not None:
            self.grad = grad
        self.running.pop()
        self.called.pop()
        self.context, self.code = context, code
        return result

    def _bind_arguments(self, function: Function, call: Call, scope: Scope) -> None:
        accepted = function.node.args
        positional = [each.arg for each in (*accepted.posonlyargs, *accepted.args)]
        given = call.keywords
        for position, name in enumerate(positional):
            if position < len(call.args):
                scope.names[name] = call.args[position]
            else:
                scope.names[name] = self._by_name(function, name, call)
        for each in accepted.kwonlyargs:
            scope.names[each.arg] = self._by_name(function, each.arg, call)
        if accepted.vararg is not None:
            scope.names[accepted.vararg.arg] = self._rest_of(call, len(positional))
        if accepted.kwarg is not None:
            named = {*positional, *(each.arg for each in accepted.kwonlyargs)}
            extra = {name: value for name, value in given.items() if name not in named}
            scope.names[accepted.kwarg.arg] = self.dictionary(accepted.kwarg, dict(extra), call.spread)

    def _by_name(self, function: Function, name: str, call: Call) -> Value:
        if name in call.keywords:
            return call.keywords[name]
        if name in function.defaults:
            return join(function.defaults[name], call.spread)
        return call.spread or PLAIN

    def _rest_of(self, call: Call, taken: int) -> Value:
        if call.spread:
            return self.container("list", call.node, rest=join(*call.args[taken:], call.spread))
        return make_tuple(call.args[taken:])

    def _call_method(self, method: BoundFunction, call: Call) -> Value:
        receiver, function = method.receiver, method.function
        result = self.call_function(
            function, Call(call.node, ((receiver,), *call.args), call.keywords, call.spread)
        )
        if not isinstance(receiver, Instance) or not classes.is_module(receiver.cls):
            return result
        if function.name == "forward":
            return join(result, self.output(receiver, "own", call.node))
        # another method of an own network: its output, if the network's parameters take part in it
        given = self.taints(call.all())
        if any(isinstance(atom, Tensor) and atom not in given for atom in self.taints(result)):
            return join(result, self.output(receiver, "own", call.node))
        return result

    def _call_partial(self, partial: Partial, call: Call) -> Value:
        first = partial.call
        spread = join(first.spread, call.spread)
        merged = Call(call.node, (*first.args, *call.args), {**first.keywords, **call.keywords}, spread)
        result = self.call(partial.target, merged)
        if not partial.differentiates:
            return result
        self.note_backward(result, call.node)
        return PLAIN

    def _decorate(self, mode: GradMode, call: Call) -> Value:
        """`torch.no_grad()` used as a decorator."""
        decorated: list[Atom] = []
        for atom in call.argument(0):
            if isinstance(atom, Function):
                key = (self.context, id(call.node), atom, mode)
                decorated.append(self.functions.setdefault(key, replace(atom, grad=mode)))
            else:
                decorated.append(atom)
        return tuple(decorated)

    # -- objects that are called

    def call_instance(self, instance: Instance, call: Call, *, own: bool = True) -> Value:
        """The output of a network (or the result of any other object's `__call__`).

        Without `own`, the notebook's own forward is passed over: `super().forward(...)`.
        """
        if not classes.is_module(instance.cls):
            method = self.of_class(instance.cls, instance, "__call__", call.node)
            return self.call(method, call) if method else self.computed((instance,), call.all())
        replaced = instance.attributes.get("forward", NOTHING) if own else NOTHING
        for name in ("__call__", "forward") if own else ():
            found = classes.defined(instance.cls, name)
            if not replaced and found is not None and found[0]:
                replaced = self.of_class(instance.cls, instance, name, call.node) or NOTHING
        result = self.call(replaced, call) if replaced else self._call_torch_module(instance, call)
        if replaced and any(isinstance(atom, Function | Partial) for atom in replaced):
            result = join(result, self.output(instance, "own", call.node))
        for hook in instance.hooks:
            changed = self.call((hook,), Call(call.node, ((instance,), make_tuple(call.args), result)))
            result = join(result, tuple(atom for atom in changed if atom != Const(None)))
        return result

    def _call_torch_module(self, instance: Instance, call: Call) -> Value:
        """A forward that torch defines: of a layer, of a container of layers, or of none that is known."""
        bases = classes.external_bases(instance.cls)
        if SEQUENTIAL in bases:
            value = join(*call.args, call.spread)
            for layer in instance.keyed.values():
                value = self.call(layer, Call(call.node, (value,)))
            rest = self.call(instance.rest, Call(call.node, (value,))) if instance.rest else NOTHING
            return join(value, rest)
        result = join(classes.unresolved_bases(instance.cls), self.computed(call.all()))
        if classes.core_base(instance.cls) is None:
            return result
        lent = [value for name, value in instance.attributes.items() if name.startswith(("weight", "bias"))]
        others = tuple(
            atom
            for atom in self.taints(join(*lent))
            if not (isinstance(atom, Tensor) and atom.source is instance)
        )
        for held in instance.rest:  # a torch module around others: TransformerEncoder(layer)
            if isinstance(held, Instance):
                result = join(result, self.call((held,), call))
        return join(result, self.computed(others), self.output(instance, "core", call.node))

    def call_kernel(self, path: str, modules: tuple[str, ...], call: Call) -> Value:
        """The result of a functional kernel that computes these modules' forward."""
        made = self.instance(External(path), call.node)
        made.kernel = modules
        return join(self.computed(call.all()), self.output(made, "functional", call.node))

    def call_unseen(self, path: str, call: Call) -> Value:
        """Code that is not known: it may train what it is given, or fill it."""
        unseen = self.unresolved("rules.unseen_code", path, call.node)
        given = contained(call.all())
        for atom in given:
            if isinstance(atom, Instance) and classes.is_module(atom.cls):
                self.note("rules.unseen_code", path, call.node)
            if isinstance(atom, Instance) and self.holds_data(atom):
                self.put(atom, None, unseen)
        return join(unseen, self.computed(call.all()), self.callback(given, call))

    def callback(self, value: Value, call: Call) -> Value:
        """What functions of the notebook give when a library calls them with anything it was given."""
        functions = tuple(atom for atom in value if isinstance(atom, Function | BoundFunction))
        if not functions:
            return NOTHING
        return self.call(functions, Call(call.node, spread=join(PLAIN, self.taints(call.all()))))


def _callee(call: Call) -> str:
    """What is called, as far as one name tells it."""
    callee = call.node.func if isinstance(call.node, ast.Call) else call.node
    return str(getattr(callee, "id", None) or getattr(callee, "attr", "…"))[:80]


def contained(value: Value) -> Value:
    """The atoms of a value and of tuples and lists in it (one level)."""
    found: list[Atom] = []
    for atom in value:
        if isinstance(atom, TupleOf):
            found += [each for item in atom.items for each in item]
        elif isinstance(atom, Instance) and classes.container_kind(atom.cls) is not None:
            found += [atom, *atom.contents]
        else:
            found.append(atom)
    return tuple(dict.fromkeys(found))
