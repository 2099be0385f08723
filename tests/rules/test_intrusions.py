"""What leads out of the reader's sight, held against the torch that is installed."""

from __future__ import annotations

import pytest
import torch

from grader.rules.intrusions import (
    is_machinery,
    is_machinery_written,
    is_secret,
    leads_behind,
    opens_secret,
)

HOOK_TABLES = sorted(
    name
    for thing in (torch.nn.Module(), torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))]))
    for name in {*vars(thing), *vars(type(thing))}
    if name.startswith("_")
    and not name.startswith("_get_")
    and name.endswith(("_hooks", "_with_kwargs", "_always_called"))
)


def test_there_are_hook_tables() -> None:
    assert {"_forward_hooks", "_forward_pre_hooks", "_optimizer_step_pre_hooks"} <= set(HOOK_TABLES)


@pytest.mark.parametrize("name", HOOK_TABLES)
def test_hook_tables_are_known_on_own_classes_too(name: str) -> None:
    assert is_machinery(name, own=True)
    assert is_machinery(name, own=False)
    assert is_machinery_written(name)


@pytest.mark.parametrize(
    "name", [name for name in vars(torch.nn.Module) if name.endswith(("_call_impl", "_forward"))]
)
def test_ways_to_call_are_read_but_not_written(name: str) -> None:
    if name.startswith("_"):
        assert is_machinery_written(name)
        assert is_machinery(name, own=True) == (name == "_compiled_call_impl")


@pytest.mark.parametrize("name", ["_h", "_cell", "__cell", "_hooks", "_my_hook", "_step", "_init_weights"])
def test_own_private_names_are_nobody_elses_business(name: str) -> None:
    assert not is_machinery(name, own=True)
    assert not is_machinery_written(name)


@pytest.mark.parametrize(
    "path",
    [
        "torch._C._jit_get_operation",
        "torch._C.parse_ir",
        "torch.nn._global_forward_hooks",
        "torch.optim.optimizer._global_optimizer_pre_hooks",
        "torch._dynamo.eval_frame",
        "torch._dynamo.symbolic_convert._x",
        "grader",
        "grader.probe.trainings",
        "IPython.shell.events",
        "IPython.shell.kernel.shell",
        "sys.modules.items",
        "gc.get_referrers",
        "ctypes.pythonapi",
        "os.write",
    ],
)
def test_led_behind(path: str) -> None:
    assert leads_behind(path)


@pytest.mark.parametrize(
    "path",
    [
        "torch",
        "torch.nn.RNNCell",
        "torch._VF.lstm_cell",
        "torch._C",
        "torch._C._VariableFunctions.gru_cell",
        "torch.__version__",
        "torch._dynamo.config.suppress_errors",
        "torch.nn.init._calculate_fan_in_and_fan_out",
        "torch.nn._pair",
        "torch.nn._ConvNd",
        "torch.optim.lr_scheduler._LRScheduler",
        "gc.collect",
        "sys.modules",
        "sys.version",
        "inspect.getsource",
        "os.getcwd",
        "os.environ",
        "IPython.shell.run_line_magic",
        "IPython.shell.config.get",
        "graders.x",
        "numpy.ndarray._private",
    ],
)
def test_in_sight(path: str) -> None:
    assert not leads_behind(path)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("/proc/self/fd", True),
        ("/proc/", True),
        ("/proc", True),
        ("/dev/fd/5", True),
        ("../evidence.log", True),
        ("/proc/cpuinfo", False),
        ("cat /proc/meminfo", False),
        ("data/process/self", False),
        ("evidence of learning", False),
    ],
)
def test_secret_text(text: str, secret: bool) -> None:
    assert is_secret(text) == secret


@pytest.mark.parametrize(
    ("path", "name", "secret"),
    [
        ("open", "my_evidence", True),
        ("pathlib.Path", "Evidence", True),
        ("open", 5, True),
        ("open", 1, False),
        ("open", True, False),
        ("os.urandom", 16, False),
        ("print", "evidence", False),
        ("open", "hello.txt", False),
        ("open", None, False),
    ],
)
def test_files_that_are_opened(path: str, name: object, secret: bool) -> None:
    assert opens_secret(path, name) == secret
