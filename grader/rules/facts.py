"""Cells in, facts out: what the source of a notebook says about every part of every answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grader.model import AnswerFacts, CellFacts, ClassFact, NetworkFact, Place, Reason, StaticFacts

from . import classes
from .interpreter import Interpreter
from .record import Backward, CellRecord, PartRecord
from .values import Code, External, Instance, Tensor, Unresolved, UserClass

MAX_NETWORKS = 200
_PLAIN_LAYER = "torch.nn.Linear"

# Magics that may define or replace any name, in their own cell and for all later ones.
_REACHING = frozenset("run load loadpy store cython cythonize macro rerun recall edit pylab".split())
# Magics, and shell lines, that cannot reach the names of the notebook; what they leave is files, and
# objects loaded from files are noted where they are loaded.
_APART = frozenset("! !! html HTML latex markdown svg javascript js writefile file sx system".split())


@dataclass(frozen=True, slots=True)
class SourceCell:
    """A code cell as plain Python, in the order in which cells are executed.

    `lines[i]` is the original line of the text's line i + 1; empty where they are the same. `opaque`
    names magics that could not be translated: `bash` or `%%bash`, `run`, `!` for a shell line.
    """

    index: int
    text: str
    lines: tuple[int, ...] = ()
    question: str | None = None
    part: int = 0
    opaque: tuple[str, ...] = ()


def facts(cells: Sequence[SourceCell]) -> StaticFacts:
    """Read all cells. Never raises for anything that a notebook may contain."""
    interpreter = Interpreter()
    parts: dict[tuple[str, int], PartRecord] = {}
    records: list[CellRecord] = []
    for cell in cells:
        part = PartRecord()
        if cell.question is not None:
            part = parts.setdefault((cell.question, cell.part), part)
        record = CellRecord(cell.index)
        records.append(record)
        for what in cell.opaque:
            name = what.lstrip("%").partition(" ")[0]
            entry = ("rules.opaque", what[:80], Place(cell.index))
            if name not in _APART:
                part.add_unclear(entry)
            if name in _REACHING:
                interpreter.everywhere[entry] = None
        interpreter.read_cell(Code(cell.index, cell.lines), cell.text, part, record)
    objects = [
        thing
        for thing in interpreter.instances.values()
        if isinstance(thing.cls, UserClass) and classes.is_module(thing.cls)
    ]
    return StaticFacts(
        cells=tuple(_cell_facts(record) for record in records),
        classes=tuple(
            ClassFact(cls.name, classes.external_bases(cls), cls.place)
            for cls in interpreter.classes.values()
        ),
        answers=tuple(
            _answer_facts(question, part, record, objects) for (question, part), record in parts.items()
        ),
    )


def _cell_facts(record: CellRecord) -> CellFacts:
    return CellFacts(record.index, frozenset(record.binds), frozenset(record.reads), record.syntax_error)


def _answer_facts(question: str, part: int, record: PartRecord, objects: Sequence[Instance]) -> AnswerFacts:
    unclear = dict(record.unclear)
    for event in record.backwards.values():
        for atom in event.atoms:
            if isinstance(atom, Unresolved):
                place = atom.place if atom.place.cell >= 0 else event.place
                unclear[atom.why, atom.what, place] = None
    networks = _networks(record, objects)
    if record.backwards and not unclear and all(fact.type == _PLAIN_LAYER for fact in networks):
        unclear |= record.unfollowed  # something was trained, and it may be what was called there
    return AnswerFacts(
        question=question,
        part=part,
        networks=networks,
        constructed=tuple(record.constructed),
        backwards=tuple(dict.fromkeys(event.place for event in record.backwards.values())),
        steps=tuple(record.steps),
        optimizers=tuple(record.optimizers),
        seeds=tuple(record.seeds),
        unclear=tuple((Reason(why, {"what": what}), place) for why, what, place in unclear),
    )


def _networks(record: PartRecord, objects: Sequence[Instance]) -> tuple[NetworkFact, ...]:
    """One fact per object, way of taking part, and place that differentiates."""
    events = list(record.backwards.values())
    trainings = _last_trainings(events)
    found: dict[tuple[Instance, str, Place], NetworkFact] = {}
    for event in events:
        last = event.training in trainings
        for atom in [*_sources(event), *_holders(event, objects)]:
            key = (atom.source, atom.how, event.place)
            if key not in found or (last and not found[key].in_last_training):
                found[key] = _network(atom, event, last)
    return tuple(dict.fromkeys(found.values()))[:MAX_NETWORKS]


def _last_trainings(events: Sequence[Backward]) -> set[tuple[int, ...]]:
    """The last training that is surely run, and those after it."""
    last: set[tuple[int, ...]] = set()
    for event in reversed(events):
        last.add(event.training)
        if event.certain:
            break
    return last


def _sources(event: Backward) -> list[Tensor]:
    """The tensors a loss depends on; parameters say nothing new of a network whose output is there."""
    tensors = [atom for atom in event.atoms if isinstance(atom, Tensor)]
    outputs = {atom.source for atom in tensors if atom.how in ("core", "own")}
    shown = ("core", "own", "functional")
    return [atom for atom in tensors if atom.how in shown or atom.source not in outputs]


def _holders(event: Backward, objects: Sequence[Instance]) -> list[Tensor]:
    """Own networks whose layers take part although their forward does not: `net.i2h(x) + net.h2h(h)`."""
    tensors = {atom.source: atom for atom in event.atoms if isinstance(atom, Tensor)}
    found: list[Tensor] = []
    for thing in objects:
        if thing not in tensors:
            held = (atom for value in thing.attributes.values() for atom in value)
            inside = [tensors[atom] for atom in held if isinstance(atom, Instance) and atom in tensors]
            found += [Tensor(thing, "parameters", inside[0].at)] if inside else []
    return found


def _network(atom: Tensor, event: Backward, last: bool) -> NetworkFact:
    source = atom.source
    way = [atom.at] if event.called is None else [atom.at, event.called]
    kernel = isinstance(source.cls, External) and bool(source.kernel)
    return NetworkFact(
        type=classes.name_of(source.cls),
        bases=source.kernel if kernel else classes.external_bases(source.cls),
        how=atom.how,
        made=source.place,
        backward=event.place,
        in_last_training=last,
        through=tuple(dict.fromkeys(place for place in way if place not in (source.place, event.place))),
    )
