from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.report.figures import COLUMNS, ROWS, blue_white_red, difference_map, heat_map, loss_plot

ROWS_OF_FLOATS = st.lists(st.lists(st.floats(), max_size=60), max_size=20)


@pytest.mark.parametrize(
    ("value", "colour"),
    [(-1, (0, 0, 255)), (0, (255, 255, 255)), (1, (255, 0, 0)), (0.5, (255, 128, 128)), (7, (255, 0, 0))],
)
def test_colours_are_those_of_the_exam(value: float, colour: tuple[int, int, int]) -> None:
    assert blue_white_red(value) == colour


def test_ink_can_be_read_on_every_colour() -> None:
    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    for square in heat_map([[at / 20 - 1 for at in range(40)]], ()).rows[0]:
        light, dark = sorted((luminance(square.fill), luminance(square.ink)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, square


@given(ROWS_OF_FLOATS, ROWS_OF_FLOATS)
def test_any_values_can_be_drawn(values: list[list[float]], target: list[list[float]]) -> None:
    drawn = heat_map(values, ("a", "b"))
    assert len(drawn.rows) <= ROWS
    assert all(len(row) <= COLUMNS for row in drawn.rows)
    assert len(drawn.axis) == max((len(row) for row in drawn.rows), default=0)
    difference_map(values, target, ("a", "b"))


def test_difference_has_its_own_scale() -> None:
    small = difference_map([[0.5, 0.5]], [[0.5 + 1e-7, 0.5]], ("a", "b"))
    large = difference_map([[0.5, 0.5]], [[0.3, 0.7]], ("a", "b"))
    assert small is not None
    assert large is not None
    assert (small.limit, small.visible) == (0.001, False)
    assert large.visible
    assert large.rows[0][0].text == "+.200"
    assert large.rows[0][0].fill == "#ff0000"
    assert difference_map([[0.5]], [[0.5, 0.5]], ("a",)) is None


@given(st.lists(st.floats(), max_size=2000), st.lists(st.floats(), max_size=2000))
def test_any_losses_can_be_drawn(own: list[float], target: list[float]) -> None:
    plot = loss_plot(own, target)
    if plot is None:
        assert not [value for value in own if 1e-30 < value < 1e30]
        return
    for pair in f"{plot.own} {plot.target}".split():
        x, y = map(float, pair.split(","))
        assert -0.1 <= x <= plot.width + 0.1
        assert -0.1 <= y <= plot.height + 0.1
    assert 1 <= len(plot.ticks) <= 7
    assert len(plot.own.split()) <= 242


def test_loss_falls_on_a_logarithmic_scale() -> None:
    plot = loss_plot([1.0, 0.1, 0.01], [])
    assert plot is not None
    assert plot.own == "0.0,0.0 200.0,65.0 400.0,130.0"
    assert [tick.label for tick in plot.ticks] == ["0.01", "0.1", "1"]
