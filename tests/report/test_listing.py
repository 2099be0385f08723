from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from grader.model import Cell
from grader.report.listing import CELLS, CHARACTERS, COLUMNS, LINES, listings
from tests.report import samples


def test_own_cells_and_the_ones_pointed_at() -> None:
    shown = listings(samples.CELLS, {13, 15}, {(15, 9), (20, 1), (13, None)})
    assert [(cell.index, cell.belongs) for cell in shown] == [(13, True), (15, True), (20, False)]
    assert [line.number for line in shown[1].lines if line.marked] == [9]
    assert ("k", "class") in shown[0].lines[0].words


def test_size_is_bounded_and_said_to_be() -> None:
    cells = [Cell(at, "code", f"{'x' * 1_000_000}\n" + "y\n" * 1000) for at in range(100)]
    shown = listings(cells, range(100), ())
    assert len(shown) == CELLS
    assert all(cell.cut and len(cell.lines) <= LINES for cell in shown)
    total = sum(len(text) for cell in shown for line in cell.lines for _, text in line.words)
    assert total <= CHARACTERS + COLUMNS


@given(st.text(st.characters() | st.sampled_from("\n\t'\"#%\x0c\x1c\u2028"), max_size=120))
def test_no_line_is_lost_or_shifted(source: str) -> None:
    plain = listings([Cell(0, "markdown", source)], {0}, ())[0]
    coloured = listings([Cell(0, "code", source)], {0}, ())[0]
    texts = [["".join(text for _, text in line.words) for line in cell.lines] for cell in (plain, coloured)]
    assert texts[0] == texts[1]
