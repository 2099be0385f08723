from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from grader.model import Gradebook, Outcome, Status
from grader.report.page import index_page, points, student_page
from grader.report.words import LANGUAGES
from tests.report import samples

RUBRIC = samples.rubric()
EMPTY_TAGS = frozenset(("meta", "input", "use", "path", "circle", "rect", "polyline", "br"))
TAGS = frozenset(
    "html head meta title style body main header section footer div p span small strong code pre b a ul ol "
    "li dl dt dd "
    "h1 h2 h3 table caption thead tbody tfoot tr th td figure figcaption details summary svg symbol use path "
    "circle rect polyline text script input select option button".split()
)
BAD_ATTRIBUTES = re.compile(r"on\w+|src|srcset|srcdoc|action|formaction|xlink:href|ping|background")


class Outline(HTMLParser):
    """The elements of a page in order with their attributes' names, and whether they are nested properly."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.values: list[tuple[str, str, str]] = []
        self.text: list[str] = []
        self.stack: list[str] = []
        self.feed(page)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        self.values += [(tag, name, value or "") for name, value in attrs]
        if tag not in EMPTY_TAGS:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        self.values += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.stack or self.stack[-1] not in ("style", "script"):
            self.text.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


def words_of(page: str) -> str:
    return " ".join(" ".join(Outline(page).text).split())


def book(*grades: object) -> Gradebook:
    return Gradebook("final-2022", grades, tuple(samples.TITLES), Decimal(100))  # type: ignore[arg-type]


def index(gradebook: Gradebook, language: str = "en") -> str:
    return index_page(gradebook, RUBRIC, language, {"created": "2026-11-20"})


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "grade",
    [
        samples.perfect(), samples.zero_by_gate(), samples.provisional(), samples.hostile(),
        samples.ungraded(Status.FAILED), samples.ungraded(Status.MISSING),
    ],
    ids=["perfect", "zero", "provisional", "hostile", "failed", "missing"],
)  # fmt: skip
def test_every_page_is_well_formed_and_speaks_one_language(grade: object, language: str) -> None:
    page = student_page(grade, RUBRIC, samples.CELLS, language)  # type: ignore[arg-type]
    outline = Outline(page)
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert ("html", "lang", language) in outline.values
    assert {tag for tag, _ in outline.elements} <= TAGS - {"script", "input"}
    assert not re.search(r"\b(report|word|judge|story|grade|run)\.[a-z_]+", words_of(page))
    ids = [value for _, name, value in outline.values if name == "id"]
    assert len(ids) == len(set(ids))
    linked = [value[1:] for tag, name, value in outline.values if (tag, name) == ("a", "href")]
    assert set(linked) <= set(ids)


def test_header_says_status_points_and_what_happens_next() -> None:
    final = words_of(student_page(samples.zero_by_gate(), RUBRIC, None, "en"))
    assert "Final exam 문하늘 202214502" in final
    assert "Final 68 / 100 This is the final result" in final
    waiting = words_of(student_page(samples.provisional(), RUBRIC, None, "en"))
    assert "Provisional 78–98 / 100 The total will be between 78 and 98." in waiting
    assert "A person still has to decide: 1-3, 1-5." in waiting
    failed = words_of(student_page(samples.ungraded(Status.FAILED), RUBRIC, None, "en"))
    assert (
        "Not gradable – / 100 The submission could not be graded: The file could not be read as a notebook"
        in failed
    )
    assert "There are no points yet, neither given nor taken." in failed


def test_a_broken_rule_shows_the_courses_words_both_stories_and_the_lines() -> None:
    page = student_page(samples.zero_by_gate(), RUBRIC, samples.CELLS, "ko")
    shown = words_of(page)
    assert "위반 torch.nn.RNN, torch.nn.RNNCell 네트워크를 학습시킨 답안은 0점입니다. not_trained" in shown
    assert "소스에서 읽은 것 셀 15, 1행에서 만든 torch.nn.RNNCell 객체가 셀 16, 9행에서 미분하는" in shown
    assert "실행에서 관찰된 것 옵티마이저가 100번 실행되며 바꾼 파라미터의 소유자" in shown
    assert '<a class="place" href="#c-1-3-15-9">셀 16 (전체 40개), 9행</a>' in page
    assert re.search(
        r'<span class="l hit" id="c-1-3-15-9" data-n="9">\s+loss\.backward\(\)',
        re.sub("</?b[^>]*>", "", page),
    )


def test_no_code_is_shown_without_the_notebook() -> None:
    page = student_page(samples.zero_by_gate(), RUBRIC, None, "en")
    assert "<pre" not in page


def test_outcome_is_written_not_only_coloured() -> None:
    for outcome in Outcome:
        made = replace(samples.perfect_question("1-1"), outcome=outcome)
        page = words_of(student_page(samples.grade("s", "이름", (made,)), RUBRIC, None, "en"))
        label = {"needs_review": "Waits for a person"}.get(
            outcome.value, outcome.value.replace("_", " ").capitalize()
        )
        assert page.count(label) >= 2


def test_heat_maps_say_their_numbers() -> None:
    page = student_page(samples.provisional(), RUBRIC, None, "en")
    section = page[page.index('id="q-1-3"') : page.index('id="q-1-4"')]
    assert section.count('<table class="heat">') == 3
    assert 'title="0 · i: 0.552"' in section
    assert "<polyline" in section
    perfect = student_page(samples.perfect(), RUBRIC, None, "en")
    assert "No difference shows at three decimals (largest: 0)." in perfect


def test_a_question_the_rubric_no_longer_has_is_still_shown() -> None:
    made = replace(samples.perfect_question("1-1"), id="9-9")
    assert "9-9" in words_of(student_page(samples.grade("s", "이름", (made,)), RUBRIC, None, "en"))


def test_students_words_add_no_element_and_no_attribute() -> None:
    hostile, harmless = samples.hostile(), samples.hostile("harmless words")
    pages = [student_page(grade, RUBRIC, None, "en") for grade in (hostile, harmless)]
    assert Outline(pages[0]).elements == Outline(pages[1]).elements
    pages = [index(book(grade, samples.perfect())) for grade in (hostile, harmless)]
    assert Outline(pages[0]).elements == Outline(pages[1]).elements


def test_students_code_adds_only_coloured_words() -> None:
    page = student_page(samples.hostile(), RUBRIC, samples.hostile_cells(), "en")
    outline = Outline(page)
    assert {tag for tag, _ in outline.elements} <= TAGS - {"script", "input"}
    assert not [name for _, names in outline.elements for name in names if BAD_ATTRIBUTES.fullmatch(name)]
    assert "<img src=x onerror=alert(3)>" in "".join(outline.text)
    assert len(page) < 400_000


def test_nothing_is_hidden_and_everything_can_be_written() -> None:
    for page in (
        student_page(samples.hostile(), RUBRIC, samples.hostile_cells(), "ko"),
        index(book(samples.hostile()), "ko"),
    ):
        page.encode()
        assert not set("\u202e\x07\x1b\0") & set(page)


def test_pages_load_nothing() -> None:
    for page in (
        student_page(samples.zero_by_gate(), RUBRIC, samples.CELLS, "en"),
        index(samples.cohort(12)),
    ):
        outline = Outline(page)
        assert "url(" not in page
        assert "@import" not in page
        assert not [value for tag, name, value in outline.values if name == "src" or (tag == "link")]
        policy = next(v for t, n, v in outline.values if (t, n) == ("meta", "content") and "default-src" in v)
        assert policy.startswith(
            "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; "
            "form-action 'none'; base-uri 'none'"
        )


def test_the_policy_lets_exactly_the_index_script_run() -> None:
    page = index(samples.cohort(12))
    script = page[page.index("<script>") + 8 : page.index("</script>")]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src &#39;sha256-{digest}&#39;" in page
    assert len(script.encode()) < 1024
    assert "script-src" not in student_page(samples.perfect(), RUBRIC, None, "en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_index_counts_links_and_lists(language: str) -> None:
    cohort = samples.cohort(60)
    page = index(cohort, language)
    outline = Outline(page)
    links = {value for tag, name, value in outline.values if (tag, name) == ("a", "href")}
    assert links == {f"students/{grade.student}/report.html" for grade in cohort.grades}
    assert {tag for tag, _ in outline.elements} <= TAGS
    assert page.count("<tr data-k=") == 60
    assert not re.search(r"\b(report|word)\.[a-z_]+", page.replace("/report.html", ""))


def test_index_links_follow_the_folders_names() -> None:
    odd = samples.perfect("../a b/<x>")
    page = index_page(book(odd), RUBRIC, "en", {}, folder=lambda _: "odd name%20#1")
    assert 'href="students/odd%20name%2520%231/report.html"' in page


def test_an_index_of_nobody() -> None:
    assert "Nothing waits for a person." in words_of(index(book()))


@pytest.mark.parametrize(
    ("value", "shown"), [("15", "15"), ("6.50", "6.5"), ("87.25", "87.25"), ("100.00", "100"), ("0", "0")]
)
def test_points_for_people(value: str, shown: str) -> None:
    assert points(Decimal(value)) == shown
