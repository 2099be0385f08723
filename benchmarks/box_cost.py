"""What the box costs: the same small submission in every box that works here, one after the other, in turn.

    python benchmarks/box_cost.py [--rounds N]

Prints one Markdown table: wall seconds per submission, from the start of the worker to its end, and CPU
seconds of the kernel, from the box's entry to the last cell (medians), and the difference to no box
in the same round. Rounds are interleaved, so that a busy minute of the machine falls on all of them.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from grader.execution.launch import run
from grader.execution.sandbox.levels import LEVELS, problem
from grader.model import Limits, PlannedCell, RunPlan

CELLS = (
    "import torch, matplotlib.pyplot as plt",
    "x, y = torch.randn(64, 8), torch.randint(4, (64,))\nnet = torch.nn.Linear(8, 4)",
    """opt = torch.optim.Adam(net.parameters())
for _ in range(200):
    loss = torch.nn.functional.cross_entropy(net(x), y)
    opt.zero_grad(); loss.backward(); opt.step()""",
    "plt.plot([1, 2, 3]); plt.show()",
    "import time; raise RuntimeError(time.process_time())",
)


def measure(level: str, cache: Path) -> tuple[float, float]:
    """Wall and CPU seconds of one submission."""
    cells = tuple(PlannedCell(i, source) for i, source in enumerate(CELLS))
    plan = RunPlan("first", cells, nonce=1, device="cpu", limits=Limits())
    started = time.perf_counter()
    *cells_run, last = run(plan, isolation=level, cache=cache).cells
    wall = time.perf_counter() - started
    if any(cell.status != "ok" for cell in cells_run):
        raise SystemExit(f"{level}: {cells_run}")
    return wall, float(last.message)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    levels = [level for level in reversed(LEVELS) if not problem(level)]
    seen: dict[str, list[tuple[float, float]]] = {level: [] for level in levels}
    with tempfile.TemporaryDirectory() as cache:
        measure("none", Path(cache))  # fills the caches
        for number in range(rounds):
            for level in levels[number % len(levels) :] + levels[: number % len(levels)]:
                seen[level].append(measure(level, Path(cache)))
    print("| box | wall, s | CPU, s | more wall than none, s | more CPU than none, s |")
    print("|---|---|---|---|---|")
    for level in levels:
        columns = [statistics.median(values) for values in zip(*seen[level], strict=True)]
        pairs = zip(seen[level], seen["none"], strict=True)
        more = [(wall - w, cpu - c) for (wall, cpu), (w, c) in pairs]
        columns += [statistics.median(values) for values in zip(*more, strict=True)]
        print(f"| {level} | " + " | ".join(f"{value:.2f}" for value in columns) + " |")


if __name__ == "__main__":
    main()
