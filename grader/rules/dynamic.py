"""Code that is text, and names that are computed: `exec`, `getattr`, `globals`, imports, magics.

Where the text or name is a constant, these do what they say. Where it is not, that is written down.
"""

# ruff: noqa: ARG001, ARG005 (every effect takes the same arguments)
from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from . import classes
from .calls import Calls
from .intrusions import INTERCEPTING
from .torch_names import HARMLESS_COMMANDS, canonical, is_numeric
from .values import (
    NONE,
    NOTHING,
    PLAIN,
    Call,
    Const,
    External,
    Function,
    Instance,
    Namespace,
    Partial,
    Scope,
    UserClass,
    Value,
    join,
    texts,
)

Effect: TypeAlias = Callable[[Calls, Call], Value]


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
        found = join(found, *(m.parameters(atom, call.node) for atom in held))
        if all(classes.core_base(atom.cls) is None for atom in held):
            return found or PLAIN
        return join(found, m.unresolved("rules.dynamic_name", "getattr", call.node))  # or its forward
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
                kept = tuple(each for each in call.argument(2) if isinstance(each, Instance | Function))
                m.put(atom, None, kept)
            else:
                m.note("rules.dynamic_name", "setattr", call.node, everywhere=True)
    return NONE


def _import(m: Calls, call: Call) -> Value:
    names = texts(call.argument(0, "name"))
    if names and len(names) == len(call.argument(0, "name")):
        return join(*(m.external(canonical(name.replace(":", ".")), call.node) for name in names))
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


def _method_caller(m: Calls, call: Call) -> Value:
    return (Partial((External("operator.methodcaller()"),), call),)


def _call_by_name(m: Calls, call: Call) -> Value:
    """What `operator.methodcaller("lstm", *args)` does once it is called, with the object at the end."""
    names = texts(call.argument(0))
    if not names or len(call.args) < 2:
        return m.unresolved("rules.dynamic_name", "methodcaller", call.node)
    given = Call(call.node, call.args[1:-1], call.keywords, call.spread)
    return join(*(m.call(m.read(call.args[-1], name, call.node), given) for name in names))


def _get_item(m: Calls, call: Call) -> Value:
    """`operator.getitem`."""
    return m.subscript(call.argument(0), call.argument(1), call.node)


def _members(m: Calls, call: Call) -> Value:
    """`inspect.getmembers(torch)`: everything that is in it."""
    return m.unresolved("rules.dynamic_name", "inspect.getmembers", call.node)


def _delete_attribute(m: Calls, call: Call) -> Value:
    for atom in call.argument(0):
        if isinstance(atom, Instance) and m.replaces(atom):
            for name in texts(call.argument(1)):
                atom.attributes.pop(name, None)
    return NONE


def _compiled_text(m: Calls, call: Call) -> Value:
    """`torch.jit.CompilationUnit(text)`: a language of its own, that is not read."""
    m.note("rules.dynamic_code", "torch.jit.CompilationUnit", call.node, everywhere=True)
    return m.unresolved("rules.dynamic_code", "torch.jit.CompilationUnit", call.node)


def _timed(m: Calls, call: Call) -> Value:
    """`timeit.timeit(statement)`: text or a function, run in the notebook's names if these are given."""
    for value in (call.argument(1, "setup"), call.argument(0, "stmt")):
        for text in texts(value):
            m.execute_text(text, call.node, _scope_of(m, call.keywords.get("globals", NOTHING)))
        m.call(tuple(atom for atom in value if not isinstance(atom, Const)), Call(call.node))
    return PLAIN


def _push(m: Calls, call: Call) -> Value:
    """`get_ipython().push({"name": value})` binds names of the notebook."""
    return m.call(m.read((Namespace(m.globals),), "update", call.node), call)


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
    for name in sorted(INTERCEPTING & made.attributes.keys()):
        m.note("rules.introspection", name, call.node, everywhere=True)
    return (made,)


def _shell(m: Calls, call: Call) -> Value:
    return (External("IPython.shell"),)


EFFECTS: dict[str, Effect] = {
    "exec": _execute,
    "eval": _evaluate,
    "compile": lambda m, call: call.argument(0),
    "getattr": _get_attribute,
    "setattr": _set_attribute,
    "object.__setattr__": _set_attribute,
    "type.__setattr__": _set_attribute,
    "delattr": _delete_attribute,
    "object.__delattr__": _delete_attribute,
    "torch.nn.Module.__delattr__": _delete_attribute,
    "inspect.getattr_static": _get_attribute,
    "inspect.getmembers": _members,
    "inspect.getmembers_static": _members,
    "torch.jit.CompilationUnit": _compiled_text,
    "timeit.timeit": _timed,
    "timeit.repeat": _timed,
    "cProfile.run": _execute,
    "profile.run": _execute,
    "pkgutil.resolve_name": _import,
    "pydoc.locate": _import,
    "operator.getitem": _get_item,
    "operator.methodcaller": _method_caller,
    "operator.methodcaller()": _call_by_name,
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
    "IPython.shell.push": _push,
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
    "collections.defaultdict": lambda m, call: m.dictionary(
        call.node, {}, m.call(call.argument(0), Call(call.node)) if call.args else NOTHING
    ),
}
