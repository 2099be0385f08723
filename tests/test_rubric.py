"""Rubrics: what is refused, where the message points, and that nothing but RubricError ever comes out."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import time
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.errors import Fault, InputError, RubricError, RubricNotFoundError
from grader.rubric import (
    CRITERION_CHECKS,
    GATE_CHECKS,
    Accuracy,
    Equals,
    MustDefineClass,
    MustNotTrain,
    Rubric,
    Trained,
    TrueFalse,
    find_rubric,
    load_rubric,
    parse_rubric,
)
from grader.rubric_nodes import MAX_BYTES
from grader.rubric_scalars import DURATION, POINTS, SIZE

RUBRICS = Path(__file__).resolve().parent.parent / "rubrics"
PATH = Path("rubrics/demo/rubric.yaml")
GOOD = """\
schema: 1
assignment:
  id: demo
  title: {ko: 시험, en: Exam}
  points: 22.5
  reference: demo
  settings: {repeats: 10, rate: 0.1, kind: short}
runtime: {device: cpu, per_question: 90s, memory: 512m, output: 8m, network: off}
labels: {axis: ["!", b, 0]}
locate: {confidence: 0.5}
questions:
  - id: "1-1"
    title: {en: Train it}
    points: 10
    locate: {heading: "(1)", under: "1.", mentions: [torch.nn.RNN]}
    fitted: &values {from: loss_input, shape: [99, 3], names: [yhat]}
    criteria:
      - {id: network, points: 5, trained: {module: torch.nn.RNN, person: [torch.nn.RNNCell]}}
      - id: learned
        points: 5
        requires: [network]
        accuracy: &accuracy {from_position: 10, accept: 0.99, reject: 0.71}
  - id: "1-2"
    title: {ko: 같은 값}
    points: 10.5
    locate: {heading: "(2)", under: "1."}
    fitted: *values
    gates:
      - id: class_used
        must_define_class: {}
        say: {ko: 클래스가 없습니다}
      - id: not_trained
        must_not_train: {modules: [torch.nn.RNN], functional: zero}
        say: {ko: 안 됩니다, en: Not that one}
    criteria:
      - id: same_fit
        points: 8.25
        equals: {in_order: [own 1-1, reference]}
      - id: learned
        points: 2.25
        accuracy: {<<: *accuracy, reject: 0.5}
  - id: "2-1"
    title: {en: A statement}
    points: 2
    void: full_marks
    locate: {heading: "(1)", under: "2."}
    criteria: [{id: answer, points: 2, true_false: false}]
"""


def parsed(text: str) -> Rubric:
    return parse_rubric(text.encode(), PATH)


def changed(old: str, new: str) -> str:
    """The good rubric with one thing changed at the first place where it stands."""
    assert old in GOOD, old
    return GOOD.replace(old, new, 1)


def faults_of(text: str | bytes) -> list[str]:
    with pytest.raises(RubricError) as caught:
        parse_rubric(text if isinstance(text, bytes) else text.encode(), PATH)
    return [str(fault) for fault in caught.value.faults]


# -- what a good rubric says ------------------------------------------------------------------------


def test_values() -> None:
    rubric = parsed(GOOD)
    assert rubric.assignment.points == Decimal("22.5")
    assert rubric.assignment.settings == {"repeats": 10, "rate": 0.1, "kind": "short"}
    assert rubric.runtime.per_question == 90.0
    assert rubric.runtime.memory == 512 << 20
    assert rubric.runtime.network == "off"
    assert rubric.labels.axis == ("!", "b", "0")
    first, second, third = rubric
    assert first.fitted is second.fitted or first.fitted == second.fitted
    assert first.criteria[0].check == Trained("torch.nn.RNN", ("torch.nn.RNNCell",))
    assert first.criteria[1].requires == ("network",)
    assert second.gates[0].check == MustDefineClass()
    assert second.gates[1].check == MustNotTrain(("torch.nn.RNN",), "zero")
    assert second.criteria[0].check == Equals(("own 1-1", "reference"))
    assert second.criteria[1].check == Accuracy(accept=0.99, reject=0.5, from_position=10)
    assert third.criteria[0].check == TrueFalse(False)
    assert third.true_false
    assert third.void == "full_marks"
    assert rubric.question("1-2") is second
    with pytest.raises(KeyError):
        rubric.question("9-9")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("points: 22.5", "points: 022.50"),  # decimal, never octal
        ("network: off", "network: 'off'"),
        ("true_false: false", "true_false: False"),
        ('"1-1"', "1-1"),
        ("title: {ko: 시험, en: Exam}", "title: {en: 2022}"),  # a text may look like a number
        ('under: "1."', "under: 1."),
        ("device: cpu, ", ""),
        ("runtime: {device: cpu, per_question: 90s, memory: 512m, output: 8m, network: off}\n", ""),
        ("locate: {confidence: 0.5}\n", ""),
        ("schema: 1", "# a remark\n---\nschema: 1"),
        ("{modules: [torch.nn.RNN], functional: zero}", "{modules: [torch.nn.RNN]}"),
    ],
)
def test_other_ways_to_write_it(old: str, new: str) -> None:
    parsed(changed(old, new))


def test_quotes_keep_off_and_octal_what_they_are() -> None:
    title = parsed(changed("{ko: 시험, en: Exam}", "{ko: off, en: 010}")).assignment.title
    assert (title.ko, title.en) == ("off", "010")


def test_byte_order_mark_and_windows_line_ends_are_accepted() -> None:
    data = b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()
    assert parse_rubric(data, PATH) == parsed(GOOD)


def test_hangul_typed_on_a_mac_is_composed() -> None:
    apart = unicodedata.normalize("NFD", GOOD)
    assert apart != GOOD
    assert parsed(apart) == parsed(GOOD)


# -- what is refused, and where -------------------------------------------------------------------

BROKEN = [
    # keys
    ("  points: 22.5\n", "", 3, "`points` is missing here, in `assignment`"),
    (
        "  reference: demo\n",
        "  refrence: demo\n",
        6,
        "`refrence` is not a key of `assignment` (did you mean `reference`?)",
    ),
    ("questions:", "question:", 11, "did you mean `questions`?"),
    ("labels:", "digest: x\nlabels:", 9, "`digest` is not a key of `rubric`"),
    (
        "  id: demo\n",
        "  id: demo\n  id: demo2\n",
        4,
        "the key `id` stands here again; it is on line 3 already",
    ),
    ("shape: [99, 3], ", "", 16, "`shape` is missing here, in `fitted`"),
    ("    title: {en: Train it}\n", "", 12, "`title` is missing here, in `questions`"),
    (
        "title: {en: Train it}",
        "title: {em: Train it}",
        13,
        "`em` is not a key of `title` (did you mean `en`?)",
    ),
    ("title: {en: Train it}", "title: {}", 13, "at least one language"),
    (
        "title: {en: Train it}",
        "title: Train it",
        13,
        "expected a mapping with ko, en; found the text 'Train it'",
    ),
    ("title: {en: Train it}", "title:", 13, "`title` is empty"),
    ("title: {en: Train it}", 'title: {en: " "}', 13, "a text that is not blank"),
    ("title: {en: Train it}", 'title: {en: "a\\x1b"}', 13, "a text that is not blank"),
    ("title: {en: Train it}", 'title: {en: "\\ud800"}', 13, "a text that is not blank"),
    ("title: {en: Train it}", "title: {en: true}", 13, "found true; put it in quotes"),
    ("title: {en: Train it}", "title: {[a]: b}", 13, "a key is a single word"),
    # schema
    ("schema: 1\n", "", 1, "`schema: 1` is missing"),
    ("schema: 1", "schema: 2", 1, "this grader reads `schema: 1`"),
    ("schema: 1", "schema: [1]", 1, "this grader reads `schema: 1`"),
    # single values
    ("points: 22.5", "points: true", 5, "expected a number from 0 on with at most two decimals"),
    ("points: 22.5", 'points: "22.5"', 5, "leave the quotes out"),
    ("points: 22.5", "points: 22.505", 5, "at most two decimals"),
    ("points: 22.5", "points: -22.5", 5, "a number from 0 on"),
    ("points: 22.5", "points: 1e999999999", 5, "a number from 0 on"),
    ("points: 22.5", "points: .nan", 5, "a number from 0 on"),
    ("points: 22.5", "points: [22.5]", 5, "found a list"),
    ("reference: demo", "reference: ../demo", 6, 'a name of letters, digits and "_"'),
    ("  id: demo", "  id: a/b", 3, "a name of letters"),
    ("repeats: 10", "repeats: true", 7, "`repeats`: expected a number or a text; found true"),
    ("settings: {repeats: 10, rate: 0.1, kind: short}", "settings: [1]", 7, "expected a mapping"),
    ("per_question: 90s", "per_question: 600", 8, "a duration with its unit"),
    ("per_question: 90s", "per_question: 12:30", 8, "found the text '12:30'"),
    ("per_question: 90s", "per_question: 0s", 8, "a duration with its unit"),
    ("memory: 512m", "memory: 4gb", 8, "a size with its unit"),
    ("network: off", "network: on", 8, "`network`: expected off; found the text 'on'"),
    ("device: cpu", "device: gpu", 8, "one of auto, cpu, cuda; found the text 'gpu' (did you mean `cpu`?)"),
    ("network: off", "isolation: {minimum: ful}", 8, "(did you mean `full`?)"),
    ("confidence: 0.5", "confidence: 50", 10, "a number from 0 to 1"),
    ("shape: [99, 3]", "shape: [99]", 16, "a list of 2; found 1"),
    ("shape: [99, 3]", "shape: [0, 3]", 16, "a whole number from 1 on"),
    ("shape: [99, 3]", "shape: 99", 16, "expected a list"),
    ("names: [yhat]", "names: [y hat]", 16, "a name of a variable"),
    ("from: loss_input", "from: output", 16, "expected loss_input"),
    ("module: torch.nn.RNN", "module: RNN", 18, "a class by its full name"),
    ("from_position: 10", "from_position: -1", 22, "a whole number from 0 on"),
    ("accept: 0.99", "accept: 99%", 22, "found the text '99%'"),
    ("modules: [torch.nn.RNN]", "modules: []", 33, "`modules` needs at least one entry"),
    ("in_order: [own 1-1, reference]", "in_order: [recomputed]", 38, "`reference` or `own QUESTION`"),
    ("void: full_marks", "void: yes", 45, "`void`: expected full_marks"),
    ("true_false: false", "true_false: no", 47, "expected true or false; found the text 'no'"),
    ("true_false: false", 'true_false: "false"', 47, "leave the quotes out"),
    # checks
    (
        "        must_define_class: {}\n",
        "",
        29,
        "a gate check is missing here: one of must_define_class, must_not_train",
    ),
    (
        "must_define_class: {}",
        "must_define_class:",
        30,
        "`must_define_class` is empty; give it a value, or {}",
    ),
    (
        "must_define_class",
        "must_define_clas",
        30,
        "(did you mean `must_define_class`?); known here: id, say, must_",
    ),
    ("must_define_class: {}", "accuracy: {accept: 1, reject: 0}", 30, "`accuracy` is not a key of `gates`"),
    (
        "        accuracy: &",
        "        acuracy: &",
        22,
        "known here: id, points, requires, trained, accuracy, equals, true_false",
    ),
    (
        "true_false: false}",
        "true_false: false, trained: {module: a.b}}",
        47,
        "here are `true_false` and `trained`",
    ),
    # rules between fields
    ("points: 22.5", "points: 100", 5, "the assignment has 100 points, but the questions add up to 22.5"),
    (
        "id: network, points: 5",
        "id: network, points: 4.5",
        14,
        "question 1-1 has 10 points, but its criteria add up to 9.5",
    ),
    ('id: "1-2"', 'id: "1-1"', 23, "another question has the id 1-1 already, on line 12"),
    ("id: learned", "id: Network", 19, "another gate or criterion has the id network already, on line 18"),
    (
        "id: same_fit",
        "id: not_trained",
        36,
        "another gate or criterion has the id not_trained already, on line 32",
    ),
    ('heading: "(2)"', 'heading: "(1)"', 26, "question 1-1 is found there already"),
    ("reject: 0.71", "reject: 0.99", 22, "`reject` (0.99) is to be less than `accept` (0.99)"),
    ("from_position: 10", "from_position: 99", 22, "`from_position` is 99, but the last position is 98"),
    ("own 1-1", "own 1-3", 38, "no question `1-3` stands above this one (did you mean `1-1`?)"),
    ("own 1-1", "own 2-1", 38, "no question `2-1` stands above this one"),
    ("own 1-1", "own 1-2", 38, "no question `1-2` stands above this one"),
    (
        "fitted: *values",
        "fitted: {shape: [98, 3]}",
        38,
        "fitted values of shape [99, 3], this one of [98, 3]",
    ),
    (
        "    fitted: &values {from: loss_input, shape: [99, 3], names: [yhat]}\n",
        "",
        26,
        "`*values` has no `&values` above it",
    ),
    ("    fitted: *values\n", "", 35, "`equals` needs fitted values; question 1-2 has no `fitted`"),
    (
        "requires: [network]",
        "requires: [net_work]",
        21,
        "no criterion `net_work` stands above this one here (did you mean `network`?)",
    ),
    ("requires: [network]", "requires: [learned]", 21, "no criterion `learned` stands above this one"),
    ('["!", b, 0]', '["!", b]', 16, "`shape` has 3 columns, but `labels.axis` names 2"),
    ('labels: {axis: ["!", b, 0]}\n', "", 15, "`labels.axis` names 0"),
    ('["!", b, 0]', '["!", b, b]', 9, "the label 'b' stands in `axis` twice"),
    ("[torch.nn.RNNCell]", "[torch.nn.RNN]", 18, "torch.nn.RNN is what `module` asks for"),
    (
        "{id: answer, points: 2, true_false: false}",
        "{id: answer, points: 1, true_false: false}, {id: b, points: 1, true_false: true}",
        42,
        "this one criterion and no other",
    ),
    # YAML itself
    ('["!", b, 0]', "[!, b, 0]", 9, "is read as a YAML tag; quote a text that begins with !"),
    ("title: {en: Train it}", "title: {en: a: b}", 13, "not valid YAML"),
    ("void: full_marks", "void: 'full_marks", 45, "this quote is never closed"),
    ("title: {en: Train it}", 'title: {en: "Train it}', 13, "a quote in it, is not closed before line 15"),
    ("    points: 10\n", "\tpoints: 10\n", 14, "indent with spaces, not tabs"),
    ("labels: {", "labels: [", 9, "not valid YAML"),
    ("accuracy: {<<: *accuracy", "accuracy: {<<: 1", 41, "`<<` takes a mapping"),
    ("*accuracy", "*acuracy", 41, "`*acuracy` has no `&acuracy` above it (did you mean `accuracy`?)"),
    ("fitted: &values {", "fitted: &values {a: *values, ", 16, "`*values` stands inside `&values` itself"),
    ("locate: {confidence", "---\nlocate: {confidence", 10, "a rubric is one document"),
    ("en: Exam", "en: Ex\x07am", 4, "the invisible sign U+0007"),
]


@pytest.mark.parametrize(("old", "new", "line", "fragment"), BROKEN, ids=[case[3][:40] for case in BROKEN])
def test_fault_and_its_line(old: str, new: str, line: int, fragment: str) -> None:
    faults = faults_of(changed(old, new))
    assert any(fault.startswith(f"line {line}, ") and fragment in fault for fault in faults), faults


@pytest.mark.parametrize(
    ("data", "fragment"),
    [
        (b"", "line 1, column 1: the file is empty"),
        (b"# only a remark\n", "line 1, column 1: the file is empty"),
        (b"- a\n- b\n", "line 1, column 1: a rubric is a mapping"),
        (b"just words", "line 1, column 1: a rubric is a mapping"),
        (GOOD.encode("utf-16"), "line 1, column 1: the file is in UTF-16; save it as UTF-8"),
        (GOOD.encode("utf-16-le"), "line 1, column 1: the file is in UTF-16; save it as UTF-8"),
        (GOOD.encode("cp949"), "line 4, column 15: the byte 0xBD is not UTF-8"),
        (b'a: "\\UFFFFFFFF"', "a number is too large"),
        (b"%YAML 1." + b"1" * 5000 + b"\n---\na: 1", "a number is too large"),
    ],
)
def test_files_that_are_no_rubric(data: bytes, fragment: str) -> None:
    assert any(fragment in fault for fault in faults_of(data))


def test_every_fault_is_reported_at_once_in_the_order_of_the_file() -> None:
    text = (
        changed("points: 22.5", "points: lots").replace("90s", "90").replace("id: same_fit", "idd: same_fit")
    )
    text = text.replace("reject: 0.71", "reject: 1").replace("  points: 10\n", "  points: 11\n")
    faults = faults_of(text)
    assert [fault.split(",")[0] for fault in faults] == [
        *("line 5", "line 8", "line 14", "line 22", "line 36", "line 36")
    ]  # fmt: skip
    assert len(faults) == len(set(faults))


def test_fault_in_an_anchor_is_told_once() -> None:
    assert len(faults_of(changed("shape: [99, 3]", "shape: [99, three]"))) == 1


def test_message_names_the_file_and_counts() -> None:
    with pytest.raises(RubricError) as caught:
        parsed(changed("90s", "90").replace("id: demo", "id: de mo"))
    first, *rest = str(caught.value).splitlines()
    assert first == f"{PATH}: 2 faults"
    assert rest[0].startswith("  line 3, column 7: `id`: expected a name")
    assert isinstance(caught.value, InputError)
    assert caught.value.exit_code == 2


def test_a_flood_of_faults_is_cut_in_the_message_only() -> None:
    with pytest.raises(RubricError) as caught:
        parsed(GOOD + "".join(f"key{number}: 1\n" for number in range(300)))
    assert len(caught.value.faults) == 300
    assert len(str(caught.value).splitlines()) == 52
    assert str(caught.value).endswith("and 250 more")


# -- hostile files ----------------------------------------------------------------------------------

LAUGHS = "schema: 1\nx: &a [t.n" + ", t.n" * 900 + "]\n"
LAUGHS += "y: &b {id: a, points: 1, trained: {module: t.m, person: *a}}\n"
LAUGHS += (
    "z: &c {id: a, points: 1, criteria: [*b" + ", *b" * 900 + "]}\nquestions: [*c" + ", *c" * 900 + "]\n"
)
MERGES = "a: &a {" + ", ".join(f"k{number}: 1" for number in range(5000)) + "}\nb: ["
MERGES += ", ".join(["{<<: *a}"] * 5000) + "]\n"


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        (LAUGHS, "aliases (`*name`) make more than"),
        (MERGES, "more than 20,000 values"),
        ("a: 1\n" * 2_000_000, "larger than 256 KiB"),
        ("[" * 200_000, "nested more than"),
        ("- " * 100_000, "nested more than"),
        ("a: &a [*a]", "stands inside `&a` itself"),
        ("a: &a {<<: *a}", "stands inside `&a` itself"),
        ("- 1\n" * 60_000, "more than 20,000 values"),
        ('a: "' + "x" * 250_000, "never closed"),
        ("schema: 1\n" + "k" * 1000 + ": 1", "is missing here"),
    ],
    ids=lambda value: value[:20] if len(value) < 60 else None,
)
def test_hostile_file_is_refused_at_once(text: str, fragment: str) -> None:
    before = time.process_time()
    faults = faults_of(text)
    assert time.process_time() - before < 20
    assert any(fragment in fault for fault in faults)
    assert all(len(fault) < 500 and "\n" not in fault for fault in faults)


def test_huge_file_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "rubric.yaml"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # sparse: reading it all would end the test for want of memory
    with pytest.raises(RubricError, match=f"larger than {MAX_BYTES >> 10} KiB"):
        load_rubric(path)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_rubric_raises_only_rubric_errors(data: st.DataObject) -> None:
    """Delete or rename a key, or replace a value by another one, anywhere in the tree."""
    tree = yaml.load(GOOD, Loader=yaml.BaseLoader)
    places = list(_places(tree))
    where, key = data.draw(st.sampled_from(places))
    action = data.draw(st.sampled_from(["delete", "rename", "replace"]))
    value = where.pop(key)
    if action == "rename":
        _put(where, data.draw(st.text(max_size=5)), value)
    elif action == "replace":
        _put(where, key, data.draw(JSON))
    _loads_or_faults(yaml.safe_dump(tree, allow_unicode=True).encode())


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def _places(tree: Any) -> Any:
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in pairs:
        yield tree, key
        yield from _places(value)


def _put(where: Any, key: Any, value: Any) -> None:
    if isinstance(where, dict):
        where[key] = value
    else:
        where.insert(0, value)


def _loads_or_faults(data: bytes) -> None:
    faults: tuple[Fault, ...]
    try:
        parse_rubric(data, PATH)
        return
    except RubricError as error:
        faults = error.faults
    assert faults
    assert all(fault.message for fault in faults)


@given(
    st.integers(0, len(GOOD)),
    st.integers(0, 30),
    st.text(max_size=6) | st.sampled_from("!&*?|>%@`'\"[]{},:-#"),
)
@settings(max_examples=150, deadline=None)
def test_damaged_text_raises_only_rubric_errors(start: int, length: int, text: str) -> None:
    damaged = GOOD[:start] + text + GOOD[start + length :]
    _loads_or_faults(damaged.encode(errors="surrogatepass"))


@given(st.binary(max_size=200))
def test_any_bytes_raise_only_rubric_errors(data: bytes) -> None:
    _loads_or_faults(data)


# -- single values ------------------------------------------------------------------------------------


@given(st.integers(1, 999_999), st.sampled_from([("s", 1), ("m", 60), ("h", 3600)]))
def test_durations(number: int, unit: tuple[str, int]) -> None:
    assert DURATION.readers["text"](f"{number}{unit[0]}") == number * unit[1]


@given(st.integers(1, 999_999), st.sampled_from([("k", 10), ("m", 20), ("g", 30)]))
def test_sizes(number: int, unit: tuple[str, int]) -> None:
    assert SIZE.readers["text"](f"{number}{unit[0]}") == number << unit[1]


@given(st.decimals(0, 999_999, places=2))
def test_points_are_exact(points: Decimal) -> None:
    assert POINTS.readers["decimal"](f"{points:f}") == points


# -- values, files, names ---------------------------------------------------------------------------


def test_rubric_is_hashable_and_frozen() -> None:
    rubric = parsed(GOOD)
    assert hash(rubric) == hash(parsed(GOOD))
    with pytest.raises(dataclasses.FrozenInstanceError):
        rubric.digest = "other"  # type: ignore[misc]
    assert all(isinstance(question.criteria, tuple) for question in rubric)


def test_every_check_is_a_frozen_dataclass_with_a_key_of_its_own() -> None:
    assert not GATE_CHECKS.keys() & CRITERION_CHECKS.keys()
    for check in (*GATE_CHECKS.values(), *CRITERION_CHECKS.values()):
        assert dataclasses.is_dataclass(check)


def keys_of(kind: type) -> Iterator[str]:
    """All keys that a rubric may have, from the types themselves."""
    for name, hint in get_type_hints(kind).items():
        if name not in ("digest", "folder", "value"):
            yield name.rstrip("_")
        for inner in (hint, *get_args(hint)):
            if dataclasses.is_dataclass(inner) and isinstance(inner, type):
                yield from keys_of(inner)


def test_documentation_has_every_key_and_its_example_loads() -> None:
    page = (RUBRICS.parent / "docs" / "rubric.md").read_text(encoding="utf-8")
    example = page.split("```yaml\n")[1].split("```")[0]
    assert parsed(example).assignment.id == "text-2023"
    keys = set(keys_of(Rubric)) - {"check"}
    assert {"from", "in_order", "functional", "person", "mentions", "minimum"} <= keys
    for key in (*keys, *GATE_CHECKS, *CRITERION_CHECKS):
        assert re.search(rf"\b{key}:", example), key
        assert re.search(rf"`([a-z]+\.)?{key}\b", page), key


@pytest.mark.parametrize("name", ["final-2022", "final-2022-short"])
def test_shipped_rubrics(name: str) -> None:
    path = RUBRICS / name / "rubric.yaml"
    rubric = load_rubric(path)
    assert rubric.assignment.id == name
    assert rubric.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert Path(rubric.folder) == path.parent
    assert rubric.assignment.points == sum(question.points for question in rubric) == 100
    for question in rubric:
        assert question.points == sum(criterion.points for criterion in question.criteria)
        assert question.title.ko and question.title.en  # noqa: PT018
        assert all(gate.say.ko and gate.say.en for gate in question.gates)
    repeats = rubric.assignment.settings["repeats"]
    assert isinstance(repeats, int)
    assert {question.fitted.shape for question in rubric if question.fitted} == {(10 * repeats - 1, 7)}
    assert [question.id for question in rubric if question.void] == ["2-4"]


@pytest.mark.parametrize("make", ["nothing", "folder"])
def test_file_that_cannot_be_read(tmp_path: Path, make: str) -> None:
    path = tmp_path / "rubric.yaml"
    if make == "folder":
        path.mkdir()
    with pytest.raises(RubricError, match="cannot be read"):
        load_rubric(path)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with rubrics/here, and another shelf with `there` and `here`."""
    for folder in ("work/rubrics/here", "other/there", "other/here", "work/submissions"):
        (tmp_path / folder).mkdir(parents=True)
    for folder in ("work/rubrics/here", "other/there", "other/here"):
        (tmp_path / folder / "rubric.yaml").write_text(GOOD, encoding="utf-8")
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("GRADER_RUBRICS", f":{tmp_path / 'nowhere'}:{tmp_path / 'other'}")
    return tmp_path


def test_names_and_paths(shelf: Path) -> None:
    here = Path("rubrics/here/rubric.yaml")
    assert find_rubric("here") == here
    assert find_rubric("rubrics/here") == here
    assert find_rubric("rubrics/here/rubric.yaml") == here
    assert find_rubric("there") == shelf / "other/there/rubric.yaml"
    assert find_rubric(str(shelf / "other/here")) == shelf / "other/here/rubric.yaml"


def test_a_folder_of_the_same_name_without_a_rubric_is_passed_over(shelf: Path) -> None:
    Path("there").mkdir()
    assert find_rubric("there") == shelf / "other/there/rubric.yaml"


@pytest.mark.parametrize("name", ["hree", "submissions", "", " ", "x" * 5000, "a\0b", "../.."])
def test_unknown_name(shelf: Path, name: str) -> None:
    with pytest.raises(RubricNotFoundError) as caught:
        find_rubric(name)
    message = str(caught.value)
    assert "GRADER_RUBRICS" in message
    if name == "hree":
        assert "did you mean here, there?" in message
        assert f"not at {shelf / 'other' / 'hree'}" in message
    elif name == "submissions":
        assert "rubrics there are: here, there" in message
