"""What the project claims about CUDA, shown on the machine at hand in one run.

    python benchmarks/cuda_check.py [--quick] [--questions 1,2,...] [--minutes 7.8] [--out FILE]

Prints one Markdown table with a row for everything that was looked at and a column each for the
CPU and the GPU. What cannot be run here is marked "not run" with the reason. Needs torch and this
checkout only: the grader need not be installed, and other versions of torch and Python will do.
Every measurement is a process of its own, so that a crash costs one row, and environment
variables and the first use of CUDA are what the row says they are. What does not fit into the
given minutes is marked as well.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cuda_tasks import QUESTIONS, ROOT, SPLIT, Json, NotRun, difference

ACCEPT = 15  # envelopes, as in grader/calibrate/envelope.py
STRICT = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}


@dataclass(frozen=True)
class Size:
    """How much is trained: everything at full size, the repeated parts smaller, all tiny if quick."""

    positions: int = 999
    epochs: int = 100
    runs: int = 10
    loop_epochs: int = 20
    load_seconds: float = 4.0
    load_levels: tuple[int, ...] = (1, 2, 4, 8, 16)
    settings: tuple[str, ...] = ("strict", "TF32 off", "TF32 allowed", "as torch comes")


COHORT = ROOT / "submissions_example" / "final-2022"
NEVER_STOP = ("s017",)  # its endless loop would use up the time
QUICK = Size(99, 10, 2, 3, 0.5, (1, 2), ("strict", "as torch comes"))


@dataclass(frozen=True)
class Row:
    number: int
    what: str
    cpu: str
    cuda: str


# -- children ----------------------------------------------------------------------------------------


def _start(task: str, options: Json, env: Mapping[str, str], wrap: list[str]) -> subprocess.Popen[str]:
    fixed = {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(
        [*wrap, sys.executable, str(ROOT / "benchmarks" / "cuda_tasks.py"), task, json.dumps(options)],
        env={**os.environ, **fixed, **env},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _kill_groups(children: list[subprocess.Popen[str]]) -> None:
    """End children with everything they forked; a grandchild would keep the pipes open."""
    for child in children:
        if child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)


def _finish(child: subprocess.Popen[str], timeout: float) -> Json:
    try:
        out, err = child.communicate("\n\n", timeout=timeout)
    except subprocess.TimeoutExpired as error:
        _kill_groups([child])
        child.communicate()
        raise NotRun(f"no result within {timeout:.0f} s") from error
    if child.returncode != 0 or not out.strip():
        raise NotRun((err.strip().splitlines() or [f"ended with code {child.returncode}"])[-1][:160])
    found: Json = json.loads(out.strip().splitlines()[-1])
    if "not_run" in found:
        raise NotRun(found["not_run"])
    return found


class Bench:
    """Starts tasks on one device while there is time left."""

    def __init__(self, device: str, until: float) -> None:
        self.device = device
        self._until = until

    def left(self, limit: float) -> float:
        left = min(limit, self._until - time.monotonic())
        if left < 1:
            raise NotRun("the time for the whole check was used up")
        return left

    def run(
        self,
        task: str,
        *,
        env: Mapping[str, str] = STRICT,
        wrap: tuple[str, ...] = (),
        limit: float = 120.0,
        **options: Any,
    ) -> Json:
        """The task's result; NotRun with the last line of its error output where there is none."""
        left = self.left(limit)
        return _finish(_start(task, {"device": self.device, **options}, env, list(wrap)), left)

    @contextlib.contextmanager
    def beside(self, count: int, task: str, **options: Any) -> Iterator[list[subprocess.Popen[str]]]:
        """`count` children that have said they are ready; none outlives the block."""
        left = self.left(120.0)
        children = [_start(task, {"device": self.device, **options}, STRICT, []) for _ in range(count)]
        alarm = threading.Timer(left, _kill_groups, [children])
        alarm.start()
        try:
            for child in children:
                if child.stdout is None or child.stdout.readline().strip() != "ready":
                    raise NotRun(
                        (child.communicate()[1].strip().splitlines() or ["it ended early"])[-1][:160]
                    )
            yield children
        finally:
            alarm.cancel()
            _kill_groups(children)
            for child in children:
                with contextlib.suppress(ValueError):  # it was finished in the block
                    child.communicate()


# -- questions ---------------------------------------------------------------------------------------


def _pair(spread: tuple[float, float]) -> str:
    return "0 / 0" if spread == (0.0, 0.0) else f"{spread[0]:.1e} / {spread[1]:.1e}"


class Check:
    """What the questions share: a bench for each device, the sizes, and results several of them need."""

    def __init__(self, benches: Mapping[str, Bench], size: Size) -> None:
        self.benches = benches
        self.size = size
        self._kept: dict[tuple[Any, ...], Json | NotRun] = {}

    def row(
        self, number: int, what: str, measure: Callable[..., str], *args: Any, only_cuda: str = ""
    ) -> Row:
        """One row of `measure(bench, *args)`; `only_cuda` is why the question does not arise on a CPU."""
        cells = []
        for device in ("cpu", "cuda"):
            try:
                if device == "cpu" and only_cuda:
                    raise NotRun(only_cuda)
                cells.append(measure(self.bench(device), *args))
            except NotRun as reason:
                cells.append(f"not run: {reason}")
        return Row(number, what, *cells)

    def bench(self, device: str) -> Bench:
        if device not in self.benches:
            raise NotRun("no CUDA device")
        return self.benches[device]

    def kept(self, bench: Bench, task: str, **options: Any) -> Json:
        """The task's result, or its reason for having none, computed once however many rows ask."""
        key = (bench.device, task, json.dumps(options, sort_keys=True, default=str))
        if key not in self._kept:
            try:
                self._kept[key] = bench.run(task, **options)
            except NotRun as reason:
                self._kept[key] = reason
        found = self._kept[key]
        if isinstance(found, NotRun):
            raise found
        return found

    def fit_all(self) -> None:
        """Train the six solutions on every device, two processes at once."""
        wanted = [(bench, family) for bench in self.benches.values() for family in (0, 3)]
        with ThreadPoolExecutor(max_workers=len(wanted)) as pool:
            for bench, family in wanted:
                pool.submit(self._fits, bench, QUESTIONS[family : family + 3])

    def fit(self, device: str, question: str) -> Json:
        family = 0 if question in QUESTIONS[:3] else 3
        found: Json = self._fits(self.bench(device), QUESTIONS[family : family + 3])[question]
        return found

    def _fits(self, bench: Bench, questions: tuple[str, ...]) -> Json:
        size = self.size
        sizes = {"positions": size.positions, "epochs": size.epochs}
        return self.kept(bench, "fits", limit=360.0, questions=questions, **sizes)

    def spread(self, bench: Bench, question: str) -> tuple[float, float]:
        size = self.size
        sizes = {"positions": size.positions, "epochs": size.epochs, "runs": size.runs}
        found = self.kept(bench, "spread", limit=240.0, question=question, **sizes)
        return found["first"], found["rest"]


def published(check: Check) -> Iterator[Row]:
    printed = json.loads((ROOT / "tests" / "reference" / "printed_tables.json").read_text(encoding="utf-8"))

    def against(bench: Bench, question: str) -> str:
        if (check.size.positions, check.size.epochs) != (999, 100):
            raise NotRun("the tables are of the full size")
        worst, _ = difference(check.fit(bench.device, question)["last"][:SPLIT], printed[question])
        return f"largest difference {worst:.2e}: {'all decimals agree' if worst <= 5.05e-4 else 'DIFFERS'}"

    def between(bench: Bench, question: str, other: str) -> str:
        values = [check.fit(bench.device, which)["last"] for which in (question, other)]
        return _pair(difference(*values))

    def seconds(bench: Bench) -> str:
        return ", ".join(f"{check.fit(bench.device, question)['seconds']:.1f}" for question in QUESTIONS)

    for question in ("1-2", "1-5"):
        yield check.row(1, f"({question}) against the printed table", against, question)
    for question, other in (("1-3", "1-2"), ("1-6", "1-5"), ("1-1", "1-2"), ("1-4", "1-5")):
        yield check.row(1, f"({question}) against ({other}), first / rest", between, question, other)
    yield check.row(1, "seconds (CPU: of CPU time) of (1-1) to (1-6), two at once", seconds)


def envelopes(check: Check) -> Iterator[Row]:
    def measure(bench: Bench, question: str) -> str:
        return _pair(check.spread(bench, question))

    for question, name in (("1-1", "torch.nn.RNN"), ("1-4", "torch.nn.LSTM")):
        what = f"envelope of {name}, {check.size.runs} perturbed runs, first / rest"
        yield check.row(2, what, measure, question)


def settings(check: Check) -> Iterator[Row]:
    size = check.size
    names = {"1-1": "torch.nn.RNN", "1-4": "torch.nn.LSTM", "1-5": "short LSTMCell loop"}
    sizes = {"1-1": (size.positions, size.epochs), "1-4": (size.positions, size.epochs)}
    forms = [(question, *sizes.get(question, (99, size.loop_epochs))) for question in names]

    def trained(bench: Bench, setting: str) -> Json:
        env = STRICT if setting == "strict" else {"CUBLAS_WORKSPACE_CONFIG": ""}
        return check.kept(bench, "setting", limit=240.0, env=env, setting=setting, forms=forms)

    def measure(bench: Bench, question: str, setting: str) -> str:
        found, strict = trained(bench, setting)[question], trained(bench, "strict")[question]
        text = f"{'repeats' if found['repeats'] else 'does NOT repeat'} to the bit, {found['seconds']:.2f} s"
        return f"{text}, {_pair(difference(found['last'], strict['last']))} from strict"

    for question, name in names.items():
        for setting in size.settings:
            yield check.row(3, f"{name}: {setting}", measure, question, setting)


def devices(check: Check) -> Iterator[Row]:
    def measure(_bench: Bench, question: str) -> str:
        spread = difference(*(check.fit(device, question)["last"] for device in ("cuda", "cpu")))
        envelope = check.spread(check.bench("cpu"), "1-1" if question in QUESTIONS[:3] else "1-4")
        bounds = (max(envelope[0], 1e-7), max(envelope[1], 1e-8))
        times = max(value / bound for value, bound in zip(spread, bounds, strict=True))
        return (
            f"{_pair(spread)}: {times:.1f} CPU envelopes, {'same' if times <= ACCEPT else 'NOT the same'} fit"
        )

    for question in QUESTIONS:
        what = f"({question}) on CUDA against the CPU, first / rest"
        yield check.row(4, what, measure, question, only_cuda="it is the one compared with")
    marks: dict[str, dict[str, tuple[str, ...]]] = {}

    def graded(bench: Bench) -> str:
        if check.size == QUICK:
            raise NotRun("left out of the quick form")
        marks[bench.device] = _marks(bench)
        text = f"{len(marks[bench.device])} graded"
        if bench.device == "cuda" and "cpu" in marks:
            ids = marks["cpu"].keys() | marks["cuda"].keys()
            moved = sorted(name for name in ids if marks["cpu"].get(name) != marks["cuda"].get(name))
            text += f", {len(moved)} with other marks than on the CPU {' '.join(moved)}"
        return text

    yield check.row(4, "marks of the example cohort, short form", graded)


def _marks(bench: Bench) -> dict[str, tuple[str, ...]]:
    """Status and points by student, by the grader itself, on the example cohort made short."""
    if not COHORT.is_dir():
        raise NotRun("there is no example cohort")
    with tempfile.TemporaryDirectory() as folder:
        cohort = Path(folder) / "cohort"
        cohort.mkdir()
        for notebook in COHORT.glob("*.ipynb"):
            if not notebook.name.startswith(NEVER_STOP):
                (cohort / notebook.name).write_bytes(notebook.read_bytes().replace(b"*100", b"*10"))
        command = [sys.executable, "-m", "grader", "grade", str(cohort), "--rubric", "final-2022-short"]
        command += ["--out", str(Path(folder) / "results"), "--jobs", str(min(8, os.cpu_count() or 1))]
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
        try:
            done = subprocess.run(
                [*command, "--device", bench.device],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": path},
                capture_output=True,
                text=True,
                check=False,
                timeout=bench.left(400.0),
            )
        except subprocess.TimeoutExpired as error:
            raise NotRun("the cohort took too long") from error
        table = Path(folder) / "results" / "gradebook.csv"
        if not table.exists():
            raise NotRun((done.stderr.strip().splitlines() or ["no gradebook"])[-1][:160])
        with table.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.DictReader(lines))
    kept = [name for name in rows[0] if name in ("status", "total") or name[:1].isdigit()] if rows else []
    return {row["id"]: tuple(row[name] for name in kept) for row in rows}


def names(check: Check) -> Iterator[Row]:
    def seen(bench: Bench, task: str, key: str) -> str:
        text: str = check.kept(bench, task)[key]
        return text

    for kind in ("RNN", "RNNCell", "LSTM", "LSTMCell"):
        yield check.row(5, f"operators of torch.nn.{kind}", seen, "names", kind)
    for question in QUESTIONS:
        yield check.row(5, f"recorder on ({question})", seen, "recorder", question)


def fork(check: Check) -> Iterator[Row]:
    def measure(bench: Bench, before: str, env: Mapping[str, str]) -> str:
        answer: str = bench.run("fork", before=before, env=env)["answer"]
        return answer

    nvml = {"PYTORCH_NVML_BASED_CUDA_CHECK": "1"}
    yield check.row(6, "child after fork, torch imported only", measure, "nothing", {})
    yield check.row(6, "child after fork, after is_available()", measure, "is_available", {})
    yield check.row(6, "child after fork, after is_available() by NVML", measure, "is_available", nvml)
    yield check.row(6, "child after fork, after a first tensor (control)", measure, "tensor", {})
    yield check.row(6, "new namespaces with the device bound", _boxed)


def _boxed(bench: Bench) -> str:
    if not shutil.which("bwrap"):
        raise NotRun("bubblewrap is missing")
    wrap = ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    wrap += ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--die-with-parent"]
    for node in sorted(Path("/dev").glob("nvidia*")):
        wrap += ["--dev-bind", str(node), str(node)]
    control = subprocess.run([*wrap, "true"], capture_output=True, text=True, check=False, timeout=30)
    if control.returncode != 0:
        raise NotRun((control.stderr.strip().splitlines() or ["namespaces are not allowed here"])[-1][:120])
    answer: str = bench.run("hello", wrap=tuple(wrap))["answer"]
    return answer


def load(check: Check) -> Iterator[Row]:
    size = check.size
    alone: list[float] = []

    def measure(bench: Bench, count: int) -> str:
        with bench.beside(count, "load", positions=size.positions, seconds=size.load_seconds) as children:
            for child in children:
                if child.stdin:
                    child.stdin.write("\n")
                    child.stdin.flush()
            time.sleep(size.load_seconds * 2)  # all are still there when each looks at the memory
            found = [_finish(child, 60.0) for child in children]
        rate = sum(result["rate"] for result in found)
        alone.append(rate)
        exam = sum(check.fit(bench.device, question)["seconds"] for question in QUESTIONS)
        exams = rate * 60 / size.epochs * check.fit(bench.device, "1-5")["seconds"] / exam
        used = max(result["used"] for result in found) / count / 2**20
        speed = f"{rate:.2f} epochs/s of (1-5), {rate / alone[0]:.1f}x"
        return f"{speed}; {exams:.1f} exams a minute; {used:.0f} MiB each"

    for count in size.load_levels:
        why = "the CPU is measured by the other benchmarks"
        yield check.row(7, f"{count} at once", measure, count, only_cuda=why)


def memory(check: Check) -> Iterator[Row]:
    def empty(bench: Bench) -> Json:
        found = bench.run("ask", size=1 << 20)
        if found["free"] < 0.9 * found["total"]:
            raise NotRun("somebody else is using this GPU")
        return found

    def own(bench: Bench) -> str:
        found = bench.run("ask", size=int(empty(bench)["total"] * 1.5))
        return f"{found['answer']}, {found['free'] / found['total']:.0%} of the memory was free"

    def neighbour(bench: Bench) -> str:
        wanted = int(empty(bench)["total"] * 0.2)
        with bench.beside(1, "hold", share=0.9):
            found = bench.run("ask", size=wanted)
        alone = bench.run("ask", size=wanted)
        free = found["free"] / found["total"]
        return f"{found['answer']}, {free:.0%} was free; retry alone: {alone['answer']}"

    for what, measure in (("a program's own out-of-memory", own), ("a neighbour's out-of-memory", neighbour)):
        yield check.row(8, what, measure, only_cuda="it is about the GPU's memory")


# -- the table ---------------------------------------------------------------------------------------

TITLES = {
    1: "published tables",
    2: "envelopes",
    3: "settings",
    4: "CPU against CUDA",
    5: "names and the recorder",
    6: "fork and namespaces",
    7: "sharing a GPU",
    8: "out of memory",
}


PARTS = {
    1: published,
    2: envelopes,
    3: settings,
    5: names,
    6: fork,
    7: load,
    8: memory,
    4: devices,  # last, because the cohort takes longest
}


def check_all(size: Size, until: float, questions: set[int]) -> tuple[Json, list[Row]]:
    facts = Bench("cpu", until).run("facts", env={})
    benches = {device: Bench(device, until) for device in ("cpu", *(["cuda"] if facts["cuda"] else []))}
    check = Check(benches, size)
    if questions & {1, 4, 7}:
        check.fit_all()
    rows = [row for number, part in PARTS.items() if number in questions for row in part(check)]
    return facts, sorted(rows, key=lambda row: row.number)


def markdown(facts: Json, rows: list[Row], size: Size, seconds: float) -> str:
    quick = " (quick form: sizes too small to conclude from)" if size == QUICK else ""
    lines = [f"# CUDA check{quick}", ""]
    lines.append(
        f"Python {facts['python']}, torch {facts['torch']}, CUDA {facts['cuda_version']}, "
        f"cuDNN {facts['cudnn']}, GPU: {facts['gpu'] or 'none'}, CPU: {facts['cpu']}; "
        f"{seconds:.0f} s in all. Differences are the largest over the last fitted values, "
        f"rows below {SPLIT} / the others."
    )
    lines += ["", "| | question | looked at | CPU | CUDA |", "|---|---|---|---|---|"]
    for row in rows:
        cells = [cell.replace("|", "/") for cell in (row.what, row.cpu, row.cuda)]
        lines.append(f"| {row.number} | {TITLES[row.number]} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Shows on this machine what is claimed about CUDA.")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: shows that the check itself works")
    parser.add_argument("--minutes", type=float, default=7.8, help="what takes longer is marked not run")
    parser.add_argument("--out", type=Path, help="also write the table to this file")
    parser.add_argument("--questions", default="12345678", help="some of the eight only, such as 1,2,4")
    given = parser.parse_args()
    size, began = QUICK if given.quick else Size(), time.monotonic()
    questions = {int(digit) for digit in given.questions if digit in "12345678"}
    facts, rows = check_all(size, began + 60 * given.minutes, questions)
    table = markdown(facts, rows, size, time.monotonic() - began)
    sys.stdout.write(table)
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(table, encoding="utf-8")


if __name__ == "__main__":
    main()
