"""What the reader of source knows about names: torch's modules and kernels, and everyone else's code.

Paths are dotted and canonical: one path per thing, however a student imports it. To teach the
interpreter a new module, kernel or library, extend a table here; the engine stays as it is.
"""

from __future__ import annotations

import builtins
import re
import sys

BUILTINS = frozenset(dir(builtins))

# -- canonical paths ------------------------------------------------------------------------------

_RENAMED = {
    "torch.random.manual_seed": "torch.manual_seed",
    "torch.cuda.random.manual_seed": "torch.cuda.manual_seed",
    "torch.autograd.grad_mode.no_grad": "torch.no_grad",
    "torch.autograd.grad_mode.enable_grad": "torch.enable_grad",
    "torch.autograd.grad_mode.inference_mode": "torch.inference_mode",
    "torch.autograd.grad_mode.set_grad_enabled": "torch.set_grad_enabled",
    "torch.autograd.no_grad": "torch.no_grad",
    "torch.autograd.enable_grad": "torch.enable_grad",
    "torch.nn.utils.stateless.functional_call": "torch.func.functional_call",
    "torch._tensor.Tensor": "torch.Tensor",
    "torch.autograd.function.Function": "torch.autograd.Function",
    "torch.autograd.function.InplaceFunction": "torch.autograd.Function",
    "IPython.core.getipython.get_ipython": "get_ipython",
    "IPython.get_ipython": "get_ipython",
    "IPython.core.interactiveshell.InteractiveShell.instance": "get_ipython",
    "IPython.InteractiveShell.instance": "get_ipython",
    "fastai.torch_core.Module": "torch.nn.Module",
    "fastai.text.all.Module": "torch.nn.Module",
    "fastai.vision.all.Module": "torch.nn.Module",
    "fastai.basics.Module": "torch.nn.Module",
}
_IMPORTED_TORCH = re.compile(r"^torch\.[\w.]+\.torch(?=\.|$)")
_NN_MODULE = re.compile(r"^torch\.nn\.(?:modules|parallel|parameter)\.(?:[a-z_]+\.)?(?=[A-Z_]\w)")
_OPTIMIZER_MODULE = re.compile(r"^torch\.optim\.(?!lr_scheduler)[a-z_]+\.(?=[A-Z])")


def canonical(path: str) -> str:
    """The one path by which the tables know what is reached by `path`."""
    if path.startswith("builtins."):
        return path.removeprefix("builtins.")
    if not path.startswith("torch."):
        return _RENAMED.get(path, path)
    path = _IMPORTED_TORCH.sub("torch", path)  # torch.nn.functional.torch is torch again
    path = _NN_MODULE.sub("torch.nn.", path)
    path = _OPTIMIZER_MODULE.sub("torch.optim.", path)
    path = path.replace("torch.nn._VF", "torch._VF", 1)
    return _RENAMED.get(path, path)


# -- modules --------------------------------------------------------------------------------------

MODULE = "torch.nn.Module"
PARAMETER = "torch.nn.Parameter"
TENSOR = "torch.Tensor"
OPTIMIZER = "torch.optim.Optimizer"
SEQUENTIAL = "torch.nn.Sequential"

RECURRENT = frozenset(
    f"torch.nn.{name}"
    for name in ("RNN", "RNNCell", "LSTM", "LSTMCell", "GRU", "GRUCell", "RNNBase", "RNNCellBase")
)

# Other implementations of a module; they count as the module itself.
_ANCESTORS = {
    "lightning.LightningModule": "torch.nn.Module",
    "lightning.pytorch.LightningModule": "torch.nn.Module",
    "pytorch_lightning.LightningModule": "torch.nn.Module",
    "torch.ao.nn.quantizable.LSTM": "torch.nn.LSTM",
    "torch.ao.nn.quantizable.LSTMCell": "torch.nn.LSTMCell",
    "torch.nn.quantizable.LSTM": "torch.nn.LSTM",
    "torch.nn.quantizable.LSTMCell": "torch.nn.LSTMCell",
    **{
        f"{home}.{name}": f"torch.nn.{name}"
        for home in (
            "torch.ao.nn.quantized.dynamic",
            "torch.nn.quantized.dynamic",
            "torch.ao.nn.quantized.reference",
            "torch.nn.quantized._reference",
        )
        for name in ("RNNCell", "LSTM", "LSTMCell", "GRU", "GRUCell")
    },
}

# Sub-classes of torch.nn.Module without parameters: what passes through them is no network of theirs.
_PARAMETERLESS = re.compile(
    r"^(?:.*Loss(?:2d)?|(?:Lp|Adaptive|Fractional|LP)?(?:Avg|Max)?(?:Pool|Unpool)\dd|(?:Alpha|FeatureAlpha)?Dropout(?:\dd)?"
    r"|.*Pad\dd|.*(?:Soft|Hard)(?:shrink|sign|plus|tanh|sigmoid|swish|max|max2d|min)|LogSoftmax|LogSigmoid"
    r"|Sigmoid|Tanh|Tanhshrink|ReLU6?|R?ReLU|LeakyReLU|C?ELU|SELU|GELU|GLU|SiLU|Mish|Threshold|Flatten|Unflatten"
    r"|Fold|Unfold|Identity|CosineSimilarity|PairwiseDistance|PixelShuffle|PixelUnshuffle|ChannelShuffle|Upsampl.*)$"
)

# Modules that only hold others; Sequential also runs them one after the other.
_CONTAINERS = frozenset(
    f"torch.nn.{name}"
    for name in (
        "Module",
        "Sequential",
        "ModuleList",
        "ModuleDict",
        "ParameterList",
        "ParameterDict",
        "Container",
    )
)
_MODULE_CLASS = re.compile(
    r"^(?:torch\.(?:ao\.)?nn(?:\.[a-z_]+)*\.[A-Z]\w*|torchvision\.models\.(?:\w+\.)?\w+)$"
)
_NO_MODULES = ("torch.nn.functional.", "torch.nn.init.", "torch.nn.utils.")


def is_module_class(path: str) -> bool:
    """True for torch's own network classes, torch.nn.Module included."""
    if path in (PARAMETER, "torch.nn.UninitializedParameter", "torch.nn.Buffer"):
        return False
    return path.startswith("torch") and not path.startswith(_NO_MODULES) and bool(_MODULE_CLASS.match(path))


def has_parameters(path: str) -> bool:
    """True for a torch module class whose instances have parameters of their own."""
    if not is_module_class(path) or path in _CONTAINERS:
        return False
    return not _PARAMETERLESS.match(path.rpartition(".")[2])


def is_optimizer_class(path: str) -> bool:
    name = path.rpartition(".")[2]
    return path == f"torch.optim.{name}" and name[:1].isupper()


def ancestors(path: str) -> tuple[str, ...]:
    """An external class and what it stands for, itself first."""
    return (path, _ANCESTORS[path]) if path in _ANCESTORS else (path,)


def is_parameter_name(name: str) -> bool:
    """True for attributes by which torch modules hold their parameters."""
    return name.startswith(("weight", "bias", "in_proj_", "all_weights", "_flat_weights"))


# -- functional kernels -----------------------------------------------------------------------------

_KERNELS: dict[str, tuple[str, ...]] = {
    "rnn_tanh": ("RNN",),
    "rnn_relu": ("RNN",),
    "rnn_tanh_cell": ("RNNCell",),
    "rnn_relu_cell": ("RNNCell",),
    "lstm": ("LSTM",),
    "lstm_cell": ("LSTMCell",),
    "gru": ("GRU",),
    "gru_cell": ("GRUCell",),
    "quantized_lstm": ("LSTM",),
    "quantized_lstm_cell": ("LSTMCell",),
    "quantized_rnn_tanh_cell": ("RNNCell",),
    "quantized_rnn_relu_cell": ("RNNCell",),
    "quantized_gru_cell": ("GRUCell",),
    "_thnn_fused_lstm_cell": ("LSTMCell",),
    "_thnn_fused_gru_cell": ("GRUCell",),
    "_thnn_differentiable_lstm_cell_backward": ("LSTMCell",),
    "_cudnn_rnn": ("RNN", "LSTM", "GRU"),
    "miopen_rnn": ("RNN", "LSTM", "GRU"),
    "mkldnn_rnn_layer": ("RNN", "LSTM", "GRU"),
    "_lstm_mps": ("LSTM",),
}


def kernel_modules(path: str) -> tuple[str, ...]:
    """The modules whose forward a functional kernel computes; empty for every other function.

    Wherever in torch it is found; but `Own.lstm` is an attribute that torch.nn.Module may lend.
    """
    if not path.startswith("torch.") or path.startswith(("torch.nn.", "torch.Tensor.")):
        return ()
    names = (part for part in path.split(".") if part in _KERNELS)
    return tuple(f"torch.nn.{module}" for module in _KERNELS.get(next(names, ""), ()))


# -- what functions and methods do -------------------------------------------------------------------

# Results that no gradient flows through, as attributes or methods of a tensor.
CUT = frozenset(
    {"data", "detach", "detach_", "item", "numpy", "tolist", "grad", "shape", "size", "dim", "ndim", "device"}
    | {"dtype", "argmax", "argmin", "requires_grad", "is_leaf", "grad_fn", "numel", "__array__", "__len__"}
    | {"new_zeros", "new_ones", "new_empty", "new_full", "new_tensor", "type", "names", "layout", "data_ptr"}
)
CUTTING_FUNCTIONS = frozenset(
    f"torch.{name}"
    for name in (
        "tensor",
        "argmax",
        "argmin",
        "argsort",
        "equal",
        "allclose",
        "isclose",
        "is_tensor",
        "numel",
    )
)

# A new tensor that others may be written into; the results keep their identity through these methods.
TENSOR_MAKERS = frozenset(
    f"torch.{name}{suffix}"
    for name in ("zeros", "ones", "empty", "full", "rand", "randn")
    for suffix in ("", "_like")
) | {"torch.empty_strided", "torch.Tensor", "torch.FloatTensor"}
KEEPS_IDENTITY = frozenset(
    {
        "to",
        "cuda",
        "cpu",
        "float",
        "double",
        "view",
        "reshape",
        "squeeze",
        "unsqueeze",
        "contiguous",
        "flatten",
    }
    | {
        "requires_grad_",
        "zero_",
        "t",
        "transpose",
        "permute",
        "narrow",
        "select",
        "expand",
        "unbind",
        "chunk",
    }
)

# Functions that hand back the module or function they are given, in some wrapping.
WRAPPERS = frozenset(
    {
        "torch.jit.script",
        "torch.jit.trace",
        "torch.jit.trace_module",
        "torch.jit.freeze",
        "torch.jit.optimize_for_inference",
        "torch.jit.ignore",
        "torch.jit.export",
        "torch.jit.unused",
        "torch.compile",
        "torch.vmap",
        "torch.func.vmap",
        "torch.fx.symbolic_trace",
        "torch.nn.DataParallel",
        "torch.nn.DistributedDataParallel",
        "torch.nn.utils.weight_norm",
        "torch.nn.utils.spectral_norm",
        "torch.nn.utils.parametrize.register_parametrization",
        "torch.nn.utils.parametrizations.weight_norm",
        "torch.nn.utils.parametrizations.spectral_norm",
        "torch.nn.utils.parametrizations.orthogonal",
        "torch.quantization.quantize_dynamic",
        "torch.ao.quantization.quantize_dynamic",
        "functools.lru_cache",
        "functools.cache",
        "functools.cached_property",
        "functools.singledispatch",
        "functools.update_wrapper",
        "contextlib.contextmanager",
        "abc.abstractmethod",
        "typing.cast",
        "typing.final",
        "typing.overload",
        "typing.no_type_check",
        "weakref.proxy",
        "asyncio.run",
        "asyncio.create_task",
        "asyncio.ensure_future",
    }
)

SEEDS = frozenset(
    {
        "torch.manual_seed",
        "torch.seed",
        "torch.set_rng_state",
        "torch.random.seed",
        "torch.random.set_rng_state",
        "torch.cuda.manual_seed",
        "torch.cuda.manual_seed_all",
        "torch.cuda.set_rng_state",
        "fastai.torch_core.set_seed",
        "fastai.text.all.set_seed",
        "fastai.vision.all.set_seed",
        "fastai.basics.set_seed",
        "lightning.seed_everything",
        "pytorch_lightning.seed_everything",
        "transformers.set_seed",
        "accelerate.utils.set_seed",
    }
)

LOADERS = frozenset(
    {
        "torch.load",
        "torch.jit.load",
        "torch.hub.load",
        "torch.package.PackageImporter",
        "pickle.load",
        "pickle.loads",
        "pickle.Unpickler",
        "joblib.load",
        "dill.load",
        "dill.loads",
        "cloudpickle.load",
        "cloudpickle.loads",
        "marshal.load",
        "marshal.loads",
        "shelve.open",
    }
)

# Work that is done outside the notebook's own process or below Python.
PROCESSES = (
    "subprocess.",
    "os.popen",
    "os.exec",
    "os.spawn",
    "os.fork",
    "os.posix_spawn",
    "multiprocessing.",
    "torch.multiprocessing.",
    "concurrent.futures.ProcessPoolExecutor",
    "pty.",
    "torch.utils.cpp_extension.",
    "runpy.",
    "code.",
)
HARMLESS_COMMANDS = frozenset(
    "pip pip3 conda mamba nvidia-smi ls pwd cat echo head tail apt apt-get wget curl unzip tar gdown git"
    " nproc free df du lscpu uname date which whoami mkdir rm cp mv fc-list fc-cache".split()
)
# Ways to reach objects or to change the interpreter without naming anything.
INTROSPECTION = (
    "gc.get_",
    "inspect.currentframe",
    "inspect.stack",
    "inspect.getouterframes",
    "sys._getframe",
    "sys.settrace",
    "sys.setprofile",
    "sys.meta_path",
    "types.FunctionType",
    "types.CodeType",
    "torch.nn.modules.module.register_module_",
    "torch.library.",
    "unittest.mock.",
    "torch.overrides.",
    "torch.utils._python_dispatch.",
    "torch.autograd.graph.",
    "torch._C._autograd",
    "torch._C._EngineBase",
)

# -- libraries ------------------------------------------------------------------------------------

# Libraries whose functions neither train a network nor make a torch module.
_HARMLESS = frozenset(
    "numpy matplotlib pandas seaborn tqdm IPython ipywidgets sklearn plotly PIL requests scipy cv2"
    " torchvision torch torchinfo torchsummary torchviz sympy statsmodels rich yaml h5py pyarrow polars"
    " bokeh altair mpl_toolkits"
    " koreanize_matplotlib typing_extensions einops opt_einsum psutil packaging attr attrs graphviz networkx"
    " google jupyter nbformat folium plotnine wandb torchmetrics tensorboard tensorboardX gdown".split()
)
_KNOWN_ROOTS = frozenset(sys.stdlib_module_names) | _HARMLESS | BUILTINS

# What `from fastai.… import *` hands on of torch.
_FASTAI_STAR = {
    "torch": "torch",
    "nn": "torch.nn",
    "F": "torch.nn.functional",
    "optim": "torch.optim",
    "Module": "torch.nn.Module",
    "tensor": "torch.tensor",
    "Tensor": "torch.Tensor",
    "np": "numpy",
    "pd": "pandas",
    "plt": "matplotlib.pyplot",
    "partial": "functools.partial",
    "reduce": "functools.reduce",
    "math": "math",
    "random": "random",
    "itertools": "itertools",
    "functools": "functools",
    "os": "os",
    "re": "re",
    "json": "json",
    "deepcopy": "copy.deepcopy",
    "copy": "copy.copy",
    "Path": "pathlib.Path",
    "untar_data": "pathlib.Path",
}
_OPTIMIZER_NAMES = frozenset(
    "Adadelta Adafactor Adagrad Adam Adamax AdamW ASGD LBFGS NAdam Optimizer RAdam RMSprop Rprop SGD"
    " SparseAdam lr_scheduler".split()
)
_NN_LOWER = frozenset({"functional", "init", "utils", "modules", "parallel", "parameter"})


def is_numeric(path: str) -> bool:
    """True for libraries that compute or draw, and that no code or network can be reached through."""
    root = path.partition(".")[0]
    return root in _HARMLESS and root not in ("torch", "torchvision", "IPython", "google", "jupyter")


def is_patch(path: str) -> bool:
    """True for a name whose replacement may change what other code means (settings are no such names)."""
    root = path.partition(".")[0]
    settings = ("torch.backends.", "torch._dynamo.config.", "torch._inductor.config.", "os.environ")
    if path.startswith((*settings, "sys.stdout", "sys.stderr", "sys.argv", "sys.path")):
        return False
    return (
        root in ("torch", "builtins", "importlib", "sys", "types", "functools", "operator")
        or path in BUILTINS
    )


def is_seen(path: str) -> bool:
    """False for a library about which the tables say nothing: its code could do anything."""
    return path.partition(".")[0] in _KNOWN_ROOTS


def from_star(module: str, name: str) -> str | None:
    """The path of `name` if `from module import *` may have brought it; None if it cannot have."""
    if module.partition(".")[0] == "fastai":
        return _FASTAI_STAR.get(name)
    if module in ("torch.nn", "torch.nn.modules", "torch.nn.modules.rnn"):
        brings = name[:1].isupper() or name in _NN_LOWER
    elif module == "torch.optim":
        brings = name in _OPTIMIZER_NAMES
    else:
        brings = is_seen(module) and not name.startswith("_")
    return canonical(f"{module}.{name}") if brings else None
