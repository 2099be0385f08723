"""The tables of names, held against the torch that is installed."""

from __future__ import annotations

import inspect

import pytest
import torch

from grader.rules.torch_names import (
    RECURRENT,
    canonical,
    from_star,
    has_parameters,
    is_module_class,
    is_optimizer_class,
    is_patch,
    is_seen,
    kernel_modules,
)

MODULES = {
    name: cls
    for name, cls in vars(torch.nn).items()
    if inspect.isclass(cls) and issubclass(cls, torch.nn.Module) and not name.startswith("_")
}
OPTIMIZERS = {
    name: cls
    for name, cls in vars(torch.optim).items()
    if inspect.isclass(cls) and issubclass(cls, torch.optim.Optimizer)
}


@pytest.mark.parametrize("name", MODULES)
def test_modules_have_one_path(name: str) -> None:
    path = canonical(f"{MODULES[name].__module__}.{MODULES[name].__name__}")
    assert path == f"torch.nn.{MODULES[name].__name__}"
    assert is_module_class(path)
    assert is_module_class(f"torch.nn.{name}")


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("name", MODULES)
def test_modules_without_parameters_are_known(name: str) -> None:
    try:
        made = MODULES[name]()
    except TypeError:
        return  # needs arguments, as nearly all that have parameters do
    expected = any(True for _ in made.parameters())
    assert has_parameters(f"torch.nn.{name}") == expected


@pytest.mark.parametrize(
    "name", ["Linear", "Embedding", "Conv1d", "LayerNorm", "Bilinear", "MultiheadAttention"]
)
def test_modules_with_parameters_are_known(name: str) -> None:
    assert has_parameters(f"torch.nn.{name}")


def test_recurrent_modules_exist() -> None:
    for path in RECURRENT:
        assert path.rpartition(".")[2] in {*MODULES, "RNNCellBase"}
        assert has_parameters(path)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_have_one_path(name: str) -> None:
    path = canonical(f"{OPTIMIZERS[name].__module__}.{name}")
    assert path == f"torch.optim.{name}"
    assert is_optimizer_class(path)


@pytest.mark.parametrize(
    "name",
    [
        "rnn_tanh",
        "rnn_relu",
        "rnn_tanh_cell",
        "rnn_relu_cell",
        "lstm",
        "lstm_cell",
        "gru",
        "gru_cell",
        "_cudnn_rnn",
    ],
)
def test_kernels_exist_and_are_known_by_every_way(name: str) -> None:
    assert hasattr(torch._VF, name)
    for home in ("torch", "torch._VF", "torch._C._VariableFunctions", "torch.ops.aten"):
        assert kernel_modules(f"{home}.{name}")
    assert kernel_modules(f"torch.ops.aten.{name}.default")
    assert not kernel_modules(f"numpy.{name}")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("torch.nn.modules.rnn.torch.nn.RNN", "torch.nn.RNN"),
        ("torch.nn.modules.rnn.RNN.forward", "torch.nn.RNN.forward"),
        ("torch.nn.modules.rnn._VF.rnn_tanh", "torch._VF.rnn_tanh"),
        ("torch.nn.parameter.Parameter", "torch.nn.Parameter"),
        ("torch.nn.functional.relu", "torch.nn.functional.relu"),
        ("torch.optim.lr_scheduler.StepLR", "torch.optim.lr_scheduler.StepLR"),
        ("torch.autograd.grad_mode.no_grad", "torch.no_grad"),
        ("builtins.exec", "exec"),
        ("numpy.array", "numpy.array"),
    ],
)
def test_canonical(path: str, expected: str) -> None:
    assert canonical(path) == expected
    assert canonical(expected) == expected


@pytest.mark.parametrize(
    ("module", "name", "expected"),
    [
        ("torch.nn", "RNNCell", "torch.nn.RNNCell"),
        ("torch.nn", "functional", "torch.nn.functional"),
        ("torch.nn", "relu", None),
        ("torch.optim", "Adam", "torch.optim.Adam"),
        ("torch.optim", "RNN", None),
        ("fastai.text.all", "nn", "torch.nn"),
        ("fastai.text.all", "Learner", None),
        ("math", "sqrt", "math.sqrt"),
        ("mycells", "Cell", None),
    ],
)
def test_star_imports(module: str, name: str, expected: str | None) -> None:
    assert from_star(module, name) == expected


def test_settings_are_no_patches() -> None:
    assert not is_patch("torch.backends.cudnn.deterministic")
    assert not is_patch("matplotlib.pyplot.rcParams")
    assert is_patch("torch.nn.RNNCell")
    assert is_patch("torch.Tensor.backward")


def test_only_listed_libraries_are_seen() -> None:
    assert is_seen("numpy.linalg.svd")
    assert is_seen("os.path.join")
    assert not is_seen("fastai.learner.Learner")
    assert not is_seen("mycells.Cell")
