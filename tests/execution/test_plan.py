"""Which cells run again after a death, and in which order a missing name is looked for."""

from __future__ import annotations

from grader.execution.plan import cured, resumed_plan, retry_plan, saved_order_plan
from grader.model import (
    Cell,
    CellFacts,
    CellRun,
    Limits,
    PlannedCell,
    Run,
    RunPlan,
    StaticFacts,
    Submission,
)


def plan_of(*cells: tuple[int, str | None]) -> RunPlan:
    planned = tuple(PlannedCell(index, f"# {index}", question) for index, question in cells)
    return RunPlan("first", planned, nonce=1, device="cpu", limits=Limits())


def facts_of(**cells: str) -> StaticFacts:
    """`c3="binds x y; reads z"`."""
    found = []
    for name, text in cells.items():
        binds, _, reads = text.partition(";")
        found.append(
            CellFacts(int(name[1:]), frozenset(binds.split()[1:]), frozenset(reads.split()[1:]))
        )
    return StaticFacts(cells=tuple(found))


def run_of(**cells: str) -> Run:
    """`c3="died"`, `c4="NameError x"`."""
    runs = []
    for name, text in cells.items():
        if text.startswith("NameError"):
            message = f"name '{text.split()[1]}' is not defined"
            runs.append(CellRun(int(name[1:]), "error", "NameError", message))
        else:
            status, _, limit = text.partition(" ")
            runs.append(CellRun(int(name[1:]), status, limit=limit))  # type: ignore[arg-type]
    return Run("first", tuple(runs))


def order(plan: RunPlan | None) -> list[int] | None:
    return None if plan is None else [cell.index for cell in plan.cells]


EXAM = plan_of((0, None), (1, "1-1"), (2, "1-2"), (3, "1-2"), (4, "1-3"), (5, None), (6, "1-4"))


def test_nothing_is_resumed_where_nothing_died() -> None:
    assert resumed_plan(EXAM, run_of(c0="ok", c1="error", c2="interrupted cpu"), StaticFacts()) is None


def test_after_a_death_shared_cells_and_what_is_left_are_run() -> None:
    facts = facts_of(c0="binds x", c1="binds rnn; reads x", c4="binds own; reads x", c6="binds m; reads x")
    assert order(resumed_plan(EXAM, run_of(c2="died"), facts)) == [0, 4, 5, 6]


def test_an_earlier_answer_runs_again_only_for_a_name_that_is_read_later() -> None:
    facts = facts_of(c1="binds f", c4="binds own; reads f")
    assert order(resumed_plan(EXAM, run_of(c2="died"), facts)) == [0, 1, 4, 5, 6]


def test_a_name_bound_anew_before_it_is_read_needs_no_earlier_answer() -> None:
    facts = facts_of(c1="binds yhat", c4="binds yhat", c6="binds z; reads yhat")
    assert order(resumed_plan(EXAM, run_of(c2="died"), facts)) == [0, 4, 5, 6]


def test_needs_are_followed_through_other_answers() -> None:
    facts = facts_of(c1="binds a", c2="binds b; reads a", c3="binds c", c6="binds z; reads b")
    assert order(resumed_plan(EXAM, run_of(c4="killed memory"), facts)) == [0, 1, 2, 3, 5, 6]


def test_the_answer_that_died_never_runs_again_even_if_it_is_needed() -> None:
    facts = facts_of(c2="binds b", c6="binds z; reads b")
    assert order(resumed_plan(EXAM, run_of(c3="died"), facts)) == [0, 4, 5, 6]


def test_a_shared_cell_that_kills_is_left_out_alone() -> None:
    assert order(resumed_plan(EXAM, run_of(c0="died"), StaticFacts())) == [1, 2, 3, 4, 5, 6]


def test_nothing_is_left_after_the_last_answer_died() -> None:
    assert resumed_plan(EXAM, run_of(c6="died"), StaticFacts()) is None


def saved(*counts: int | None) -> Submission:
    cells = tuple(Cell(index, "code", f"# {index}", count) for index, count in enumerate(counts))
    return Submission("s1", "", "s1.ipynb", "d", cells)


THREE = plan_of((0, None), (1, "1-1"), (2, None))


def test_the_saved_order_is_tried_for_a_name_that_a_later_cell_binds() -> None:
    facts, run = facts_of(c2="binds x"), run_of(c1="NameError x")
    assert order(saved_order_plan(THREE, run, saved(1, 3, 2), facts)) == [0, 2, 1]


def test_cells_that_were_never_executed_come_last_in_the_saved_order() -> None:
    facts, run = facts_of(c2="binds x"), run_of(c1="NameError x")
    assert order(saved_order_plan(THREE, run, saved(None, 3, 2), facts)) == [2, 1, 0]


def test_no_other_order_is_tried_without_a_reason() -> None:
    run = run_of(c1="NameError x")
    assert saved_order_plan(THREE, run, saved(1, 3, 2), facts_of(c0="binds x")) is None, "bound before"
    assert saved_order_plan(THREE, run, saved(1, 2, 3), facts_of(c2="binds x")) is None, "same order"
    assert saved_order_plan(THREE, run, saved(None, None, None), facts_of(c2="binds x")) is None
    assert saved_order_plan(THREE, run_of(c1="error"), saved(1, 3, 2), facts_of(c2="binds x")) is None


def test_another_order_cures_only_if_it_breaks_nothing() -> None:
    before = run_of(c0="ok", c1="NameError x", c2="ok")
    assert cured(before, run_of(c0="ok", c2="ok", c1="ok"))
    assert not cured(before, run_of(c0="error", c2="ok", c1="ok"))
    assert not cured(before, run_of(c0="ok", c2="ok", c1="NameError x"))


def test_only_the_wall_limit_earns_a_retry() -> None:
    assert retry_plan(THREE, run_of(c1="interrupted cpu")) is None
    assert order(retry_plan(THREE, run_of(c1="interrupted wall"))) == [0, 1, 2]
