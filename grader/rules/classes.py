"""What follows from how a class is derived: its ancestors, and what kind of thing its instances are."""

from __future__ import annotations

from typing import Literal, TypeAlias

from .torch_names import (
    MODULE,
    OPTIMIZER,
    RECURRENT,
    ancestors,
    has_parameters,
    is_module_class,
    is_optimizer_class,
)
from .values import External, Unresolved, UserClass, Value

ClassAtom: TypeAlias = External | UserClass
Ancestor: TypeAlias = External | UserClass | Unresolved

_LISTS = frozenset(
    {"list", "tuple", "set", "frozenset", "generator", "collections.deque"}
    | {"torch.nn.ModuleList", "torch.nn.Sequential", "torch.nn.ParameterList"}
)
_DICTS = frozenset(
    {"dict", "collections.OrderedDict", "collections.defaultdict", "types.SimpleNamespace"}
    | {"torch.nn.ModuleDict", "torch.nn.ParameterDict"}
)


def order(cls: ClassAtom) -> tuple[Ancestor, ...]:
    """A class and its ancestors in the order in which attributes are looked up (as Python's own, but
    for hierarchies that Python itself rejects)."""
    if isinstance(cls, External):
        return (cls,)
    found: dict[Ancestor, None] = {}
    _collect(cls, found, set())
    return tuple(reversed(found))


def _collect(cls: Ancestor, found: dict[Ancestor, None], entered: set[Ancestor]) -> None:
    if cls in entered:
        return
    entered.add(cls)
    if isinstance(cls, UserClass):
        for base in reversed(cls.bases):
            for atom in reversed(base):
                if isinstance(atom, External | UserClass | Unresolved):
                    _collect(atom, found, entered)
    found[cls] = None


def external_bases(cls: ClassAtom) -> tuple[str, ...]:
    """Canonical paths of the ancestors that are not defined in the notebook."""
    paths = [path for atom in order(cls) if isinstance(atom, External) for path in ancestors(atom.path)]
    return tuple(dict.fromkeys(path for path in paths if path != "object"))


def unresolved_bases(cls: ClassAtom) -> Value:
    return tuple(atom for atom in order(cls) if isinstance(atom, Unresolved))


def is_module(cls: ClassAtom) -> bool:
    return any(path == MODULE or is_module_class(path) for path in external_bases(cls))


def is_optimizer(cls: ClassAtom) -> bool:
    return any(path == OPTIMIZER or is_optimizer_class(path) for path in external_bases(cls))


def core_base(cls: ClassAtom) -> str | None:
    """The torch module among the ancestors that has parameters and a forward of its own."""
    return next((path for path in external_bases(cls) if has_parameters(path)), None)


def recurrent_base(cls: ClassAtom) -> str | None:
    return next((path for path in external_bases(cls) if path in RECURRENT), None)


def container_kind(cls: ClassAtom) -> Literal["list", "dict"] | None:
    for path in (cls.path,) if isinstance(cls, External) else external_bases(cls):
        if path in _LISTS:
            return "list"
        if path in _DICTS:
            return "dict"
    return None


def name_of(cls: ClassAtom) -> str:
    return cls.path if isinstance(cls, External) else cls.name


# What every torch module class defines itself, so that ancestors behind it do not count.
_CLAIMED = frozenset({"forward", "__init__", "__call__", "__new__"})


def defined(cls: ClassAtom, name: str, after: UserClass | None = None) -> tuple[Value, Ancestor] | None:
    """What a class's attribute is and who defines it; None if no ancestor is known to.

    An external or unresolved ancestor may define any name: its value is empty, and it counts where no
    class of the notebook defines the name. With `after`, only ancestors behind that class count.
    """
    lineage = order(cls)
    if after is not None and after in lineage:
        lineage = lineage[lineage.index(after) + 1 :]
    outside: Ancestor | None = None
    for ancestor in lineage:
        if isinstance(ancestor, UserClass):
            if name in ancestor.attributes:
                return ancestor.attributes[name], ancestor
        elif not (isinstance(ancestor, External) and ancestor.path == "object"):
            outside = outside or ancestor
            if name in _CLAIMED:
                break
    return None if outside is None else ((), outside)
