"""CUDA names on a machine without CUDA: a notebook that says `"cuda:0"` runs unchanged on the CPU.

Two layers. Python entry points that parse a device themselves are wrapped. Everything else,
scripted code included, reaches the dispatcher with a CUDA device, where factory functions
registered under the CUDA key make a CPU tensor. Ordinary CPU code pays nothing for the second.

`torch.cuda.is_available()` stays False: the notebook is told the truth, only spelling is forgiven.
"""

from __future__ import annotations

import contextlib
import functools
import types
import warnings
from collections.abc import Callable
from typing import Any

import torch
import torch.utils._device
from torch.jit import _builtins

_CPU = torch.device("cpu")

# Factories without a tensor argument: the dispatcher picks their kernel by the device alone.
_FACTORIES = (
    "empty.memory_format",
    "empty_strided",
    "_efficientzerotensor",
    "tril_indices",
    "triu_indices",
)
_TENSOR_TYPES = ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")

# Reached through torch.cuda on the way to a kernel that is not there; each answers harmlessly.
_CUDA_ANSWERS: dict[str, Any] = {
    "_lazy_init": None,
    "init": None,
    "synchronize": None,
    "empty_cache": None,
    "ipc_collect": None,
    "set_device": None,
    "current_device": 0,
    "get_device_name": "cpu",
    "get_device_capability": (0, 0),
    "memory_allocated": 0,
    "max_memory_allocated": 0,
    "memory_reserved": 0,
    "max_memory_reserved": 0,
    "reset_peak_memory_stats": None,
    "reset_max_memory_allocated": None,
    "memory_summary": "",
    "mem_get_info": (0, 0),
    "utilization": 0,
}


def local(device: Any) -> Any:
    """The CPU for whatever names a CUDA device (`"cuda:0"`, 0, a torch.device); else unchanged."""
    if isinstance(device, bool):
        return device
    if isinstance(device, int):
        return _CPU
    if isinstance(device, str):
        return _CPU if device.partition(":")[0] == "cuda" else device
    if isinstance(device, torch.device):
        return _CPU if device.type == "cuda" else device
    return device


def _moved(tensor: torch.Tensor) -> torch.Tensor:
    # Moving to a GPU copies, and later in-place changes must not reach the original. A tensor that
    # requires a gradient stays itself: a copy would no longer be a leaf for the optimizer.
    return tensor if tensor.requires_grad else tensor.clone()


def _with_device_keyword(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if kwargs.get("device") is not None:
            kwargs["device"] = local(kwargs["device"])
        return function(*args, **kwargs)

    return wrapped


def install() -> None:
    """Patches torch in this process; call once, before the student's first import."""
    torch.utils._device._device_constructors()  # remember the originals: the set is cached
    _wrap_factories()
    _wrap_tensor_methods()
    _wrap_modules()
    _wrap_names()
    _answer_for_cuda()
    _register_kernels()


def _wrap_factories() -> None:
    constructors: set[Callable[..., Any]] = torch.utils._device._device_constructors()
    script: Any = _builtins
    for function in constructors:
        for owner in (torch, torch.fft, torch.nested):
            if getattr(owner, function.__name__, None) is function:
                wrapped = _with_device_keyword(function)
                setattr(owner, function.__name__, wrapped)
                if operator := script._find_builtin(function):  # torch.jit.script finds them by identity
                    script._register_builtin(wrapped, operator)


def _wrap_tensor_methods() -> None:
    tensor_to, tensor_type, new_tensor = torch.Tensor.to, torch.Tensor.type, torch.Tensor.new_tensor

    @functools.wraps(tensor_to)
    def to(self: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        named = args[0] if args else kwargs.get("device")
        if named is None or local(named) is named:
            return tensor_to(self, *args, **kwargs)
        if args:
            args = (_CPU, *args[1:])
        else:
            kwargs["device"] = _CPU
        result = tensor_to(self, *args, **kwargs)
        return _moved(self) if result is self else result

    @functools.wraps(torch.Tensor.cuda)
    def cuda(self: torch.Tensor, *_args: Any, **_kwargs: Any) -> Any:
        return _moved(self)

    @functools.wraps(tensor_type)
    def type_(self: torch.Tensor, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
        return tensor_type(self, _local_type(dtype), *args, **kwargs)

    @functools.wraps(torch.Tensor.pin_memory)
    def pin_memory(self: torch.Tensor, *_args: Any, **_kwargs: Any) -> Any:
        return self

    methods = {"to": to, "cuda": cuda, "type": type_, "pin_memory": pin_memory}
    methods["new_tensor"] = _with_device_keyword(new_tensor)
    for name in ("new_zeros", "new_ones", "new_full", "new_empty"):
        methods[name] = _with_device_keyword(getattr(torch.Tensor, name))
    for name, method in methods.items():
        setattr(torch.Tensor, name, method)


def _wrap_modules() -> None:
    module_to = torch.nn.Module.to

    @functools.wraps(module_to)
    def to(self: torch.nn.Module, *args: Any, **kwargs: Any) -> Any:
        if args:
            args = (local(args[0]), *args[1:])
        if "device" in kwargs:
            kwargs["device"] = local(kwargs["device"])
        return module_to(self, *args, **kwargs)

    @functools.wraps(torch.nn.Module.cuda)
    def cuda(self: torch.nn.Module, *_args: Any, **_kwargs: Any) -> Any:
        return self

    module: Any = torch.nn.Module
    module.to, module.cuda = to, cuda


def _wrap_names() -> None:
    context: Any = torch.utils._device.DeviceContext
    enter = context.__init__

    @functools.wraps(enter)
    def init(self: Any, device: Any) -> None:
        enter(self, local(device))

    context.__init__ = init
    torch.set_default_device = _first_argument(torch.set_default_device, local)
    torch.set_default_tensor_type = _first_argument(torch.set_default_tensor_type, _local_type)
    torch.load = _loading(torch.load)
    torch.Generator = _generator()  # type: ignore[misc, assignment]
    for name in _TENSOR_TYPES:
        setattr(torch.cuda, f"{name}Tensor", getattr(torch, f"{name}Tensor"))


def _first_argument(function: Callable[..., Any], change: Callable[[Any], Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapped(first: Any = None, *args: Any, **kwargs: Any) -> Any:
        return function(change(first), *args, **kwargs)

    return wrapped


def _local_type(dtype: Any) -> Any:
    return dtype.replace("torch.cuda.", "torch.") if isinstance(dtype, str) else dtype


def _loading(load: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(load)
    def wrapped(f: Any, map_location: Any = None, *args: Any, **kwargs: Any) -> Any:
        if isinstance(map_location, dict):
            map_location = {key: local(value) for key, value in map_location.items()}
        elif map_location is None or isinstance(map_location, str | torch.device):
            map_location = _CPU if map_location is None else local(map_location)
        return load(f, map_location, *args, **kwargs)

    return wrapped


def _generator() -> type:
    original: Any = torch.Generator

    class Meta(type(original)):  # type: ignore[misc]
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, original)

    class Generator(original, metaclass=Meta):  # type: ignore[misc]
        def __new__(cls, device: Any = "cpu") -> Any:
            return original.__new__(cls, device=local(device))

    Generator.__qualname__ = Generator.__name__ = "Generator"
    Generator.__module__ = original.__module__
    return Generator


class _Event:
    """Stands in for `torch.cuda.Event` and `torch.cuda.Stream`: every method does nothing."""

    def __init__(self, *_args: Any, **_kwargs: Any) -> None: ...

    def elapsed_time(self, _end: object) -> float:
        return 0.0

    def query(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_args, **_kwargs: None

    def __enter__(self) -> _Event:
        return self

    def __exit__(self, *_exc: object) -> None: ...


def _answer_for_cuda() -> None:
    cuda: Any = torch.cuda

    def answering(value: Any) -> Callable[..., Any]:
        return lambda *_args, **_kwargs: value

    for name, value in _CUDA_ANSWERS.items():
        setattr(cuda, name, answering(value))
    cuda.get_device_properties = answering(
        types.SimpleNamespace(name="cpu", major=0, minor=0, total_memory=0, multi_processor_count=0)
    )
    cuda.get_rng_state = lambda *_args, **_kwargs: torch.get_rng_state()
    cuda.set_rng_state = lambda *_args, **_kwargs: None
    cuda.device = lambda *_args, **_kwargs: contextlib.nullcontext()
    cuda.stream = lambda *_args, **_kwargs: contextlib.nullcontext()
    cuda.current_stream = lambda *_args, **_kwargs: _Event()
    cuda.Event = cuda.Stream = _Event


def _register_kernels() -> None:
    library: Any = torch.library.Library("aten", "IMPL")  # type: ignore[no-untyped-call]

    def on_cpu(operator: Any) -> Callable[..., Any]:
        def kernel(*args: Any, **kwargs: Any) -> Any:
            kwargs["device"] = _CPU
            if "pin_memory" in kwargs:
                kwargs["pin_memory"] = False
            return operator(*args, **kwargs)

        return kernel

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a torch built with CUDA warns that its kernels are replaced
        for name in _FACTORIES:
            packet, _, overload = name.partition(".")
            operator = getattr(getattr(torch.ops.aten, packet), overload or "default")
            library.impl(name, on_cpu(operator), "CUDA")
    _LIBRARIES.append(library)


_LIBRARIES: list[torch.library.Library] = []  # a Library unregisters its kernels when collected
