from __future__ import annotations

import ast
import math
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import grader
from grader.model import Place, Reason, Scalar
from grader.report.words import KINDS, LANGUAGES, SLOT, Words, catalogue, number, say_both
from grader.rubric import Text

PACKAGE = Path(grader.__file__).parent
FILES = sorted((PACKAGE / "catalogue").glob("*.toml"))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20)


def sentences(file: Path) -> dict[str, str]:
    return tomllib.loads(file.read_text(encoding="utf-8"))


def slots(sentence: str) -> set[tuple[str, str]]:
    return {(slot[1], slot[2] or "") for slot in SLOT.finditer(sentence)}


def reasons_in_source() -> Iterator[tuple[str, set[str] | None, str]]:
    """Every `Reason("id", {...})` of the package: id, parameters where they are spelled out, place."""
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not (
                isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Reason"
            ):
                continue
            if node.args and isinstance(node.args[0], ast.Constant):
                params = node.args[1] if len(node.args) > 1 else None
                keys = [] if params is None else params.keys if isinstance(params, ast.Dict) else [None]
                spelled = {str(key.value) for key in keys if isinstance(key, ast.Constant)}
                names = spelled if len(spelled) == len(keys) else None
                yield str(node.args[0].value), names, f"{file.relative_to(PACKAGE)}:{node.lineno}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_catalogue_has_a_twin_that_says_the_same_things(file: Path) -> None:
    name, language, _ = file.name.split(".")
    mine = sentences(file)
    for other in LANGUAGES:
        twin = sentences(file.with_name(f"{name}.{other}.toml"))
        assert {id: slots(said) for id, said in mine.items()} == {
            id: slots(said) for id, said in twin.items()
        }
    assert language in LANGUAGES
    assert [id for id, said in mine.items() if not said or said.strip() != said] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_slots_are_the_only_braces_and_of_known_kinds(file: Path) -> None:
    for id, said in sentences(file).items():
        assert not set("{}") & set(SLOT.sub("", said)), id
        assert {kind for _, kind in slots(said)} <= set(KINDS), id


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_id_stands_in_two_files(language: str) -> None:
    counts = Counter(id for file in FILES if f".{language}." in file.name for id in sentences(file))
    assert [id for id, count in counts.items() if count > 1] == []


def test_no_korean_particle_depends_on_what_fills_a_slot() -> None:
    particle = re.compile(r"\}[\"'“”‘’]?(은|는|이|가|을|를|과|와|으로|로|이다|이라|라|였|이었)(?![가-힣])")
    assert [id for id, said in catalogue("ko").items() if particle.search(said)] == []


def test_every_reason_in_the_source_has_a_sentence() -> None:
    """The pages would show the bare id otherwise, with none of our words."""
    missing = []
    for id, names, where in reasons_in_source():
        said = catalogue("en").get(id)
        if said is None or (names is not None and not {name for name, _ in slots(said)} <= names):
            missing.append(f"{where}: {id}")
    assert missing == []


@pytest.mark.parametrize(
    ("id", "params", "said"),
    [
        ("judge.not_trained.met", {}, "None of the networks that the question rules out was trained."),
        ("judge.requires", {"criterion": "learned"}, "because “learned” of the same question is not met."),
        ("judge.died", {"cell": 12}, "The Python process ended abruptly in cell 13, so this answer"),
        (
            "judge.stopped",
            {"cell": 12, "line": 4, "limit": "memory"},
            "cell 13, line 4 because it used up the m",
        ),
        ("judge.stopped", {"cell": "?", "limit": "{x}"}, "in ? because it used up {x}."),
        (
            "story.static.trained",
            {"module": "M", "made_cell": 1, "made_line": 2, "cell": 3, "line": 0},
            "M in cell 2, line 2 reaches the loss that is differentiated in cell 4.",
        ),
        ("judge.answer.not", {"answer": "True", "expected": False}, "is “True”; the right one is “False”"),
        ("judge.grader_error", {"what": "grade.failed.empty"}, "this part: The notebook contains no code"),
        ("judge.grader_error", {"what": "judge.grader_error"}, "this part: The grader itself failed while"),
        (
            "judge.same_fit.near",
            {"difference": 0.0274, "tolerance": 7e-6},
            "0.0274; allowed for rounding: 7.0 × 10⁻⁶",
        ),
        (
            "judge.same_fit.near",
            {"difference": None, "tolerance": math.nan},
            "not available; allowed for rounding: NaN",
        ),
        ("no.such", {"a": "{b}", "c": 1}, "no.such (a={b}, c=1)"),
        ("judge.requires", {"other": "x"}, "judge.requires (other=x)"),
        ("judge.requires", {"criterion": "{criterion} {0.__class__} <b>"}, "“{criterion} {0.__class__} <b>”"),
    ],
)
def test_sentences_are_filled(id: str, params: dict[str, Scalar], said: str) -> None:
    assert said in Words("en").say(Reason(id, params))


def test_a_share_is_never_rounded_up_over_a_threshold() -> None:
    between = Reason("judge.learned.between", {"accuracy": 0.989999, "reject": 0.71, "accept": 0.99})
    said = Words("en").say(between)
    assert "98.99% of its predictions are right. Above 99% counts" in said
    assert "up to 71% does not" in said


@given(st.sampled_from([*catalogue("en"), "no.such"]), st.data())
def test_no_parameter_breaks_a_sentence(id: str, data: st.DataObject) -> None:
    names = [name for name, _ in slots(catalogue("en").get(id, "{x}"))]
    params = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(names, SCALARS)))
    for said in say_both(Reason(id, params)).values():
        assert said
        assert len(said) < 5000
        assert not [character for character in said if unicodedata.category(character) in ("Cc", "Cs")]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"),
        (0.0274, "0.0274"),
        (4.84e-7, "4.8 × 10⁻⁷"),
        (12.0, "12"),
        (1234.4, "1234"),
        (-2e9, "-2.0 × 10⁹"),
        (math.nan, "NaN"),
        (math.inf, "∞"),
        (-math.inf, "-∞"),
    ],
)
def test_numbers_are_short(value: float, shown: str) -> None:
    assert number(value) == shown


def test_places_and_texts() -> None:
    assert Words("en").place(Place(12, 4), 40) == "cell 13 of 40, line 4"
    assert Words("ko").place(Place(12)) == "셀 13"
    assert Words("ko").pick(Text("하나", "one")) == "하나"
    assert Words("ko").pick(Text("", "one")) == "one"
    with pytest.raises(ValueError, match="no catalogue for language 'fr'"):
        Words("fr")
