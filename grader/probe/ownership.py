"""Which module holds which parameter.

Modules are noted when parameters and submodules are registered, by identity. Storage is no proof
of identity: copying initial values with `own.weight.data = cell.weight.data` shares it honestly.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import torch
from torch.nn.modules import module as torch_module

_Module = torch.nn.Module
_MAX_OWNERS = 16


class Ownership:
    """Answers, for a parameter, which modules hold it, innermost first."""

    def __init__(self) -> None:
        self._holders: dict[int, list[tuple[weakref.ref[_Module], str]]] = {}
        self._parents: dict[int, list[weakref.ref[_Module]]] = {}
        self._searched: weakref.WeakSet[torch.Tensor] = weakref.WeakSet()

    def install(self) -> None:
        torch_module.register_module_parameter_registration_hook(self._parameter)
        torch_module.register_module_module_registration_hook(self._submodule)

    def _parameter(self, module: _Module, name: str, parameter: Any) -> None:
        if parameter is not None:
            self._holders.setdefault(id(parameter), []).append((weakref.ref(module), name))

    def _submodule(self, module: _Module, _name: str, submodule: Any) -> None:
        if submodule is not None:
            self._parents.setdefault(id(submodule), []).append(weakref.ref(module))

    def search(self, parameters: list[torch.Tensor]) -> None:
        """Finds holders that registered nothing (deep copies do not), by looking at live objects."""
        unknown = [p for p in parameters if not self.owners(p)[1]]
        if not unknown or all(p in self._searched for p in unknown):
            return
        self._searched.update(unknown)
        for thing in gc.get_objects():
            if issubclass(type(thing), _Module):
                for name, parameter in vars(thing).get("_parameters", {}).items():
                    self._parameter(thing, name, parameter)
                for name, submodule in vars(thing).get("_modules", {}).items():
                    self._submodule(thing, name, submodule)

    def owners(self, parameter: torch.Tensor) -> tuple[str, list[dict[str, Any]]]:
        """The parameter's name in its innermost module, and that module and those around it."""
        found, name = [], ""
        for module, own_name in self._alive(parameter):
            name = name or own_name
            for holder in self._upwards(module):
                described = {**describe(type(holder)), "direct": holder is module}
                if described not in found:
                    found.append(described)
                if len(found) >= _MAX_OWNERS:
                    return name, found
        return name, found

    def _alive(self, parameter: torch.Tensor) -> Iterator[tuple[_Module, str]]:
        for reference, name in reversed(self._holders.get(id(parameter), [])):
            module = reference()
            # An id is re-used after its object died: the module must still hold this very object.
            if module is not None and module._parameters.get(name) is parameter:
                yield module, name

    def _upwards(self, module: _Module) -> Iterator[_Module]:
        queue, seen = [module], set()
        while queue:
            current = queue.pop(0)
            if id(current) in seen:
                continue
            seen.add(id(current))
            yield current
            for reference in self._parents.get(id(current), []):
                parent = reference()
                if parent is not None and any(child is current for child in parent._modules.values()):
                    queue.append(parent)


def describe(cls: type) -> dict[str, Any]:
    """A module's class as plain data: canonical name, torch ancestors, whose forward it runs."""
    ancestors = [c for c in cls.__mro__ if c.__module__.partition(".")[0] == "torch"]
    forward = next((c for c in cls.__mro__ if "forward" in vars(c)), cls)
    return {
        "type": canonical(cls),
        "bases": [canonical(c) for c in ancestors if issubclass(c, _Module)],
        "own_forward": forward.__module__.partition(".")[0] != "torch",
    }


def canonical(cls: type) -> str:
    """`torch.nn.RNN` for torch's own classes, else the name the student gave."""
    module, name = cls.__module__, cls.__qualname__
    if module.startswith("torch.nn.modules.") and hasattr(torch.nn, name):
        return f"torch.nn.{name}"
    if module.startswith("torch.optim.") and hasattr(torch.optim, name):
        return f"torch.optim.{name}"
    return name if module == "__main__" else f"{module}.{name}"
