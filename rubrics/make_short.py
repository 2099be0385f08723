"""Makes final-2022-short/ from final-2022/: the same exam on a tenth of the data, for trials and tests.

    python rubrics/make_short.py            writes rubric.yaml and template.ipynb
    python rubrics/make_short.py --check    exit code 1 if what stands there is not what would be written

The files are edited as text, so comments and layout stay; an edit that does not find its text exactly
as often as it should is an error, so a change of the long form cannot pass by unnoticed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
SOURCE, MADE = "final-2022", "final-2022-short"


class Edit(NamedTuple):
    old: str
    new: str
    times: int = 1


RUBRIC_EDITS = (
    Edit(
        "# The final exam: six networks that learn hi?hello!!, and five true/false statements.\n",
        f"# Generated from rubrics/{SOURCE}: edit the files there, then run python rubrics/make_short.py\n"
        "#\n"
        "# The final exam in its short form, for trials and tests: hi?hello!! ten times, not a hundred.\n",
    ),
    Edit(f"  id: {SOURCE}\n", f"  id: {MADE}\n"),
    Edit(
        "title: {ko: 기말고사, en: Final exam}\n",
        'title: {ko: "기말고사 (짧은 형식)", en: "Final exam (short form)"}\n',
    ),
    Edit("settings: {repeats: 100} ", "settings: {repeats: 10}  "),
    Edit("per_question: 10m ", "per_question: 30s "),
    Edit("shape: [999, 7]", "shape: [99, 7]"),
)
TEMPLATE_EDITS = (
    Edit("# 기말고사 / Final exam\\n", "# 기말고사 (짧은 형식) / Final exam (short form)\\n"),
    Edit("txt = list('hi?hello!!')*100\\n", "txt = list('hi?hello!!')*10\\n"),
    Edit("100번 이어지는", "10번 이어지는"),
    Edit("repeated 100 times", "repeated 10 times"),
    Edit("999 × 7", "99 × 7", times=2),
)


def edited(text: str, edits: Iterable[Edit], where: Path) -> str:
    """The text after all edits; ValueError if one of them does not match as often as it should."""
    for edit in edits:
        count = text.count(edit.old)
        if count != edit.times:
            raise ValueError(f"{where}: expected {edit.times} x {edit.old!r}, found {count}")
        text = text.replace(edit.old, edit.new)
    return text


def made_files(here: Path) -> dict[Path, bytes]:
    """What belongs into the short form's folder, by path."""
    files = {"rubric.yaml": RUBRIC_EDITS, "template.ipynb": TEMPLATE_EDITS}
    made = {}
    for name, edits in files.items():
        source = here / SOURCE / name
        made[here / MADE / name] = edited(source.read_bytes().decode(), edits, source).encode()
    return made


def main(argv: Sequence[str], here: Path = HERE) -> int:
    """Writes or checks the folder; returns the exit code."""
    parser = argparse.ArgumentParser(description="Make the short form of the final exam from the long one.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if anything differs")
    check: bool = parser.parse_args(argv).check
    try:
        made = made_files(here)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    stale = [path for path, data in made.items() if not path.is_file() or path.read_bytes() != data]
    for path in stale:
        sys.stdout.write(f"{path}: {'differs' if check else 'written'}\n")
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(made[path])
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
