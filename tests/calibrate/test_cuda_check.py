"""The CUDA check works where there is no CUDA, and says what it could not look at."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(400)
def test_quick_form_has_a_cell_for_everything(tmp_path: Path) -> None:
    out = tmp_path / "table.md"
    command = [sys.executable, str(ROOT / "benchmarks" / "cuda_check.py"), "--quick", "--out", str(out)]
    # Outside the checkout, as where the grader is not installed.
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=390)
    assert done.returncode == 0, done.stderr
    table = out.read_text(encoding="utf-8")
    assert done.stdout == table
    assert str(ROOT) not in table
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line[:3].strip("| ").isdigit()]
    assert {row[0] for row in rows} == set("12345678")
    assert all(len(row) == 5 and all(row) for row in rows)
    cells = {row[2]: row[3:] for row in rows}
    assert cells["(1-3) against (1-2), first / rest"][0] == "0 / 0"
    assert cells["(1-6) against (1-5), first / rest"][0] == "0 / 0"
    assert "torch.nn.LSTMCell" in cells["recorder on (1-5)"][0]
    assert cells["child after fork, torch imported only"][0] == "computes"
    if "GPU: none" in table:
        assert all(row[4] == "not run: no CUDA device" for row in rows)
