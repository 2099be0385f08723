"""Names that lead behind what can be read: private parts of torch, other code's insides, the grader itself.

Using one proves nothing, but what follows can no longer be told from the source: torch's private tables
hold every kernel, hooks replace results, and frames, file descriptors and the interpreter's own lists of
objects reach what no name in the notebook stands for. To watch one more, extend a table here.
"""

from __future__ import annotations

import re

from .torch_names import kernel_modules

# Parts of torch with a private name that are in honest use, or whose contents are known by name.
_OPEN = (
    "torch._VF",
    "torch._C",
    "torch._C._nn",
    "torch._C._VariableFunctions",
    "torch._C._VariableFunctionsClass",
    "torch._C._set_grad_enabled",
    "torch._dynamo",
    "torch._dynamo.config",
    "torch._dynamo.reset",
    "torch._inductor",
    "torch._inductor.config",
    "torch._tensor",
    "torch._tensor_str",
)
_OPEN_BELOW = (
    "torch._VF.",
    "torch._C._nn.",
    "torch._C._VariableFunctions.",
    "torch._C._VariableFunctionsClass.",
    "torch._dynamo.config.",
    "torch._inductor.config.",
    "torch._tensor_str.",
)
_PRIVATE = re.compile(r"\._(?!_)|^torch\._C\.")
_HONEST = re.compile(
    r"\._(?:get_name|apply|(?:load_from|save_to)_state_dict|init_weights|version|step_count|addindent|assert|six"
    r"|single|pair|triple|quadruple|ntuple|foreach_\w+|calculate_\w+|[A-Z]\w*)$"
    r"|^torch\.utils\.data\._utils(?:\.|$)"
)


# Paths that begin so are noted where they stand, called or not.
_BEHIND = (
    "gc.get_objects",
    "gc.get_ref",
    "inspect.currentframe",
    "inspect.stack",
    "inspect.trace",
    "inspect.getouterframes",
    "inspect.getinnerframes",
    "sys._getframe",
    "sys._current_frames",
    "sys.settrace",
    "sys.setprofile",
    "sys.monitoring",
    "sys.addaudithook",
    "sys.meta_path",
    "sys.path_hooks",
    "threading.settrace",
    "threading.setprofile",
    "weakref.getweakref",
    "ctypes.",
    "_ctypes.",
    "cffi.",
    "_testcapi.",
    "ipykernel.",
    "mmap.",
    "os.write",
    "os.pwrite",
    "os.open",
    "os.fdopen",
    "os.dup",
    "os.sendfile",
    "torch.optim.optimizer.register_",
    "torch.nn.modules.module.register_module_",
)
_LISTS_OF_MODULES = re.compile(r"^sys\.modules\.(?!get$|keys$|__contains__$)")

# What honest notebooks use of `get_ipython()`; all else may change what the notebook's cells mean.
_SHELL = re.compile(
    r"^IPython\.shell\.(?!(?:run_cell_magic|run_line_magic|run_cell|run_code|magic|system|getoutput|ex|ev|user_ns"
    r"|user_global_ns|push|config(?:\..*)?|kernel(?:\.do_shutdown)?|display_formatter(?:\..*)?|set_next_input"
    r"|showtraceback|has_trait|reset|colors|__class__|ast_node_interactivity|autoawait|enable_\w+"
    r"|Completer(?:\..*)?|InteractiveTB(?:\..*)?)$)"
)

# Insides of functions that were not written in the notebook, and frames, whosever they are.
INSIDES = frozenset(
    "__closure__ __code__ __globals__ __wrapped__ __self__ __func__ __builtins__ __subclasses__ __defaults__"
    " __kwdefaults__".split()
)
FRAMES = frozenset(
    "cell_contents f_globals f_locals f_back f_builtins tb_frame gi_frame cr_frame ag_frame".split()
)
WATCHED = INSIDES | FRAMES

# Attributes by whose assignment a function or class becomes another one.
BASES = frozenset({"__bases__", "__mro__", "__class__"})
REMADE = (INSIDES | FRAMES | BASES) - {"__wrapped__", "__self__"}
INTERCEPTING = frozenset(
    "__torch_function__ __torch_dispatch__ __getattribute__ _call_impl _wrapped_call_impl _slow_forward"
    " _compiled_call_impl".split()
)

# Private attributes by which torch's networks and optimizers are called; students' own may have any name.
_MACHINERY = re.compile(
    r"^_(?:(?:forward|backward|state_dict|load_state_dict|optimizer_\w+)(?:_pre|_post)?_hooks?"
    r"(?:_with_kwargs|_always_called)?|is_full_backward_hook|(?:wrapped_|compiled_)?call_impl|slow_forward"
    r"|replicate_for_data_parallel|optimizer_step_code|patch_step_function)$"
)
_CALLABLE = frozenset({"_call_impl", "_wrapped_call_impl", "_slow_forward"})

_SECRET = re.compile(
    r"^/proc/?$|/proc/(?!cpuinfo|meminfo|version|driver|uptime|loadavg|stat$)|/dev/(?:fd|mem)\b|\bevidence\.log"
)
_OPENERS = frozenset({"open", "io.open", "io.FileIO"})
_FILES = re.compile(r"^(?:open|(?:io|os|pathlib|shutil|glob|codecs|fileinput|linecache)\.[\w.]+)$")


def leads_behind(path: str) -> bool:
    """Whether what stands at a canonical path is out of the reader's sight, or is the observer's."""
    if path.startswith("torch."):
        if "._" not in path:
            return path.startswith(_BEHIND)
        if not _PRIVATE.search(path) or path in _OPEN or path.startswith(_OPEN_BELOW):
            return False
        return not (kernel_modules(path) or _HONEST.search(path))
    return (
        path.startswith((*_BEHIND, "grader."))
        or path == "grader"
        or bool(_SHELL.match(path) or _LISTS_OF_MODULES.match(path))
    )


def is_machinery(name: str, *, own: bool) -> bool:
    """Whether an attribute of a network or optimizer is part of how torch calls it; `own`: of a class
    that the notebook defines, whose private names may be the student's."""
    if name in _CALLABLE:
        return False
    return bool(_MACHINERY.match(name)) if own else _is_private(name)


def is_machinery_written(name: str) -> bool:
    return name in INTERCEPTING or bool(_MACHINERY.match(name))


def _is_private(name: str) -> bool:
    known = ("_all_weights", "_flat_weight", "_parameters", "_modules", "_buffers", "_non_persistent_buffers")
    return name.startswith("_") and not name.startswith(("__", *known)) and not _HONEST.search(f".{name}")


def is_secret(text: str) -> bool:
    """True for text that names files of running processes, or the grader's."""
    return ("/" in text or "evidence" in text) and bool(_SECRET.search(text))


def opens_secret(path: str, name: object) -> bool:
    """Whether a function is given a file of the grader: by its name, or by the number of its descriptor."""
    if isinstance(name, str):
        return bool(_FILES.match(path)) and (is_secret(name) or "evidence" in name.lower())
    return path in _OPENERS and isinstance(name, int) and not isinstance(name, bool) and name > 2
