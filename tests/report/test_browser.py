"""The pages in a real browser: nothing of a student's runs, nothing is fetched, nothing overflows."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Page, sync_playwright

from grader.model import Gradebook, Status
from grader.report.page import index_page, student_page
from tests.report import samples

pytestmark = pytest.mark.browser

RUBRIC = samples.rubric()
ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


def pages() -> dict[str, str]:
    hostile = Gradebook(
        "final-2022", (samples.hostile(), samples.perfect()), tuple(samples.TITLES), Decimal(100)
    )
    return {
        "zero_ko": student_page(samples.zero_by_gate(), RUBRIC, samples.CELLS, "ko"),
        "provisional_en": student_page(samples.provisional(), RUBRIC, samples.CELLS, "en"),
        "failed_en": student_page(samples.ungraded(Status.FAILED), RUBRIC, None, "en"),
        "hostile_en": student_page(samples.hostile(), RUBRIC, samples.hostile_cells(), "en"),
        "index_ko": index_page(samples.cohort(40), RUBRIC, "ko", {}),
        "index_hostile": index_page(hostile, RUBRIC, "en", {"note": samples.HOSTILE}),
    }


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page(viewport={"width": 390, "height": 844})
    yield opened
    opened.close()


def show(page: Page, text: str, folder: Path) -> None:
    file = folder / "page.html"
    file.write_text(text, encoding="utf-8")
    page.goto(file.as_uri())


@pytest.mark.parametrize("name", pages())
def test_page_runs_nothing_fetches_nothing_and_fits_a_phone(name: str, page: Page, tmp_path: Path) -> None:
    dialogs: list[str] = []
    requests: list[str] = []
    errors: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    show(page, pages()[name], tmp_path)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    page.wait_for_timeout(200)
    assert dialogs == []
    assert errors == []
    assert requests == [(tmp_path / "page.html").as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert (
        page.evaluate("document.images.length + document.querySelectorAll('iframe,object,embed').length") == 0
    )


def test_the_policy_stops_a_script_that_escaping_would_have_missed(page: Page, tmp_path: Path) -> None:
    escaped = student_page(samples.perfect(), RUBRIC, None, "en")
    planted = escaped.replace("</main>", "<script>document.title = 'ran'</script></main>")
    show(page, planted, tmp_path)
    assert page.title() != "ran"
    show(page, planted.replace("Content-Security-Policy", "X-No-Policy"), tmp_path)
    assert page.title() == "ran"


def test_index_is_sorted_and_filtered(page: Page, tmp_path: Path) -> None:
    cohort = samples.cohort(40)
    show(page, index_page(cohort, RUBRIC, "en", {}), tmp_path)
    totals = "[...document.querySelectorAll('#grades tbody tr')].map(row => row.cells[2].dataset.v)"
    page.get_by_role("button", name="Total").click()
    rising = page.evaluate(totals)
    decided = [float(total) for total in rising if total]
    assert decided == sorted(decided)
    assert rising[len(decided) :] == [""] * (40 - len(decided))
    page.get_by_role("button", name="Total").click()
    falling = page.evaluate(totals)
    assert [float(total) for total in falling if total] == decided[::-1]
    assert falling[-1] == ""
    assert page.locator("#grades th[aria-sort=descending]").count() == 1

    page.locator("#find").fill(cohort.grades[7].student)
    assert page.locator("#grades tbody tr:visible").count() == 1
    assert page.locator("#count").inner_text() == "1"
    page.locator("#find").fill("")
    page.locator("#status").select_option("provisional")
    waiting = sum(grade.status is Status.PROVISIONAL for grade in cohort.grades)
    assert page.locator("#grades tbody tr:visible").count() == waiting > 0


def test_a_link_to_a_line_opens_the_cells(page: Page, tmp_path: Path) -> None:
    show(page, student_page(samples.zero_by_gate(), RUBRIC, samples.CELLS, "en"), tmp_path)
    line = page.locator("#c-1-3-15-9")
    assert not line.is_visible()
    page.get_by_role("link", name="cell 16 of 40, line 9").click()
    page.wait_for_timeout(100)
    assert line.is_visible()


def test_a_printed_page_keeps_to_the_paper(page: Page, tmp_path: Path) -> None:
    show(page, student_page(samples.provisional(), RUBRIC, samples.CELLS, "ko"), tmp_path)
    page.set_viewport_size({"width": 688, "height": 1000})  # A4 less its margins, in CSS pixels
    page.emulate_media(media="print")
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 688
    assert not page.locator(".tools").is_visible()
