"""Facts beside the networks: places, names of cells, optimizers, seeds, classes; and the sentences."""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

from grader.model import CellFacts, NetworkFact, Place, StaticFacts
from grader.rules import SourceCell, facts

from .summary import PRELUDE, notebook, read


def the_network(found: StaticFacts, name: str) -> NetworkFact:
    (network,) = [fact for fact in found.answer("q", 0).networks if fact.type == name]
    return network


def cells(code: str) -> dict[int, CellFacts]:
    return {cell.cell: cell for cell in read(code).cells}


# -- places


def test_path_from_the_object_to_the_loss() -> None:
    found = read(
        "cell = nn.RNNCell(7, 8)\n# %% q\n"
        "for xt in x:\n    h = cell(xt, h)\nloss = h.sum()\nloss.backward()\n"
    )
    network = the_network(found, "torch.nn.RNNCell")
    assert network.made == Place(1, 1)
    assert network.through == (Place(2, 2),)
    assert network.backward == Place(2, 4)
    assert found.answer("q", 0).backwards == (Place(2, 4),)


def test_backward_inside_a_function_names_the_call() -> None:
    found = read("\ncell = nn.RNNCell(7, 8)\nout = cell(x, h)\n\nlearn(out)\n")
    network = the_network(found, "torch.nn.RNNCell")
    line = PRELUDE.split("\n").index("    loss_fn(linr(hidden), y).backward()") + 1
    assert network.backward == Place(0, line)
    assert network.through == (Place(1, 3), Place(1, 5))


def test_stale_object_keeps_the_cell_it_was_made_in() -> None:
    found = read("# %% 1-2\nrnncell = nn.RNNCell(7, 8)\n# %% q\nlearn(rnncell(x, h))\n")
    assert the_network(found, "torch.nn.RNNCell").made == Place(1, 1)


def test_lines_are_those_before_magics_were_translated() -> None:
    text = "import torch\ncell = torch.nn.RNNCell(7, 8)\ncell(x, h).sum().backward()\n"
    found = facts([SourceCell(4, text, lines=(2, 5, 9), question="q")])
    network = the_network(found, "torch.nn.RNNCell")
    assert (network.made, network.backward) == (Place(4, 5), Place(4, 9))


def test_executed_text_stands_where_it_is_executed() -> None:
    found = read("a = 1\nexec('''\n\ncell = nn.RNNCell(7, 8)\n''')\nlearn(cell(x, h))\n")
    assert the_network(found, "torch.nn.RNNCell").made == Place(1, 2)


def test_places_of_syntax_errors() -> None:
    found = facts([SourceCell(0, "a = 1\nb = = 2\n", lines=(3, 7), question="q")])
    error = found.cells[0].syntax_error
    assert error is not None
    assert error.params["line"] == 7
    assert [place for _, place in found.answer("q", 0).unclear] == [Place(0, 7)]


# -- networks


def test_ancestors_of_a_subclass() -> None:
    found = read("class A(nn.LSTMCell): pass\nclass B(A): pass\nlearn(B(7, 8)(x)[0])\n")
    network = the_network(found, "B")
    assert (network.how, network.bases) == ("core", ("torch.nn.LSTMCell",))
    assert [(cls.name, cls.bases) for cls in found.classes] == [
        ("Own", ("torch.nn.Module",)),
        ("A", ("torch.nn.LSTMCell",)),
        ("B", ("torch.nn.LSTMCell",)),
    ]


def test_a_twin_of_a_module_counts_as_that_module() -> None:
    found = read("from torch.ao.nn.quantizable import LSTM\nlearn(LSTM(7, 8)(x)[0])\n")
    assert "torch.nn.LSTM" in the_network(found, "torch.ao.nn.quantizable.LSTM").bases


def test_a_kernel_names_the_modules_it_computes() -> None:
    found = read("learn(torch.lstm_cell(x, (h, c), x, x)[0])\n")
    assert the_network(found, "torch.lstm_cell").bases == ("torch.nn.LSTMCell",)


def test_free_parameters_are_networks_of_their_own() -> None:
    found = read("w = nn.Parameter(x)\n(w * x).sum().backward()\n")
    assert the_network(found, "torch.nn.Parameter").how == "parameters"


def test_only_the_last_training_is_the_last() -> None:
    found = read(
        "a, b = nn.RNNCell(7, 8), Own()\n"
        "for net in (a, b):\n"
        "    for epoch in range(9):\n"
        "        learn(net(x, h))\n"
    )
    assert not the_network(found, "torch.nn.RNNCell").in_last_training
    assert the_network(found, "Own").in_last_training


def test_two_losses_of_one_loop_are_one_training() -> None:
    found = read(
        "a, b = nn.RNNCell(7, 8), Own()\nfor e in range(9):\n    learn(a(x, h))\n    learn(b(x, h))\n"
    )
    assert the_network(found, "torch.nn.RNNCell").in_last_training
    assert the_network(found, "Own").in_last_training


def test_parts_of_an_answer_are_apart() -> None:
    found = facts(
        [
            SourceCell(0, PRELUDE),
            SourceCell(1, "learn(nn.RNNCell(7, 8)(x, h))", question="q", part=0),
            SourceCell(2, "learn(Own()(x, h))", question="q", part=1),
        ]
    )
    assert [(answer.question, answer.part) for answer in found.answers] == [("q", 0), ("q", 1)]
    assert "torch.nn.RNNCell" not in {network.type for network in found.answer("q", 1).networks}


# -- what is listed


def test_constructed_recurrent_modules() -> None:
    found = read("ref = nn.RNNCell(7, 8)\nclass Mine(nn.LSTM): pass\nm = Mine(7, 8)\nl = nn.Linear(7, 8)\n")
    assert found.answer("q", 0).constructed == (
        ("torch.nn.RNNCell", Place(1, 1)),
        ("torch.nn.LSTM", Place(1, 3)),
    )


def test_optimizers_steps_and_seeds() -> None:
    answer = read(
        "torch.manual_seed(43052)\n"
        "from torch.optim import SGD as S\n"
        "net = Own()\n"
        "opt, opt2 = torch.optim.adam.Adam(net.parameters(), lr=0.1), S(net.parameters(), lr=1)\n"
        "plan = torch.optim.lr_scheduler.ExponentialLR(opt, 0.9)\n"
        "def go():\n"
        "    learn(net(x, h))\n"
        "    opt.step(); plan.step(); opt.zero_grad()\n"
        "go()\n"
        "torch.cuda.manual_seed_all(1)\n"
    ).answer("q", 0)
    assert answer.optimizers == (("torch.optim.Adam", Place(1, 4)), ("torch.optim.SGD", Place(1, 4)))
    assert answer.steps == (Place(1, 8),)
    assert answer.seeds == (Place(1, 1), Place(1, 10))


def test_reasons_come_with_their_place() -> None:
    answer = read("\nnet = torch.load('net.pt')\nlearn(net(x))\n").answer("q", 0)
    assert [(reason.id, reason.params["what"], place) for reason, place in answer.unclear] == [
        ("rules.loaded_object", "torch.load", Place(1, 2))
    ]


def test_what_the_translation_could_not_show() -> None:
    cells = [
        SourceCell(0, "", question="a", opaque=("%%bash", "!", "writefile")),
        SourceCell(1, "", question="b", opaque=("run",)),
        SourceCell(2, "", question="c"),
    ]
    found = facts(cells)
    listed = {
        answer.question: [reason.params["what"] for reason, _ in answer.unclear] for answer in found.answers
    }
    assert listed == {"a": ["%%bash"], "b": ["run"], "c": ["run"]}


# -- names of cells


def test_names_that_cells_bind_and_read() -> None:
    found = cells(
        "import os\na = 1\n"
        "# %%\nb, (c2, *d) = a, (2, 3)\nfor i in range(b): e = i\n"
        "# %%\nprint(e, f)\ndel d\n"
    )
    assert found[1].binds == {"os", "a"}
    assert found[2] == CellFacts(2, binds=frozenset({"b", "c2", "d", "i", "e"}), reads=frozenset({"a"}))
    assert found[3].reads == {"e", "f"}


def test_names_read_inside_functions_count_where_they_are_called() -> None:
    found = cells(
        "scale = 2\ndef f(v):\n    w = v * scale\n    return w\n# %%\ng = f(3)\n# %%\nz = [i for i in x]\n"
    )
    assert found[1].reads == set()
    assert found[2] == CellFacts(2, binds=frozenset({"g"}), reads=frozenset({"f", "scale"}))
    assert found[3].reads == {"x"}


def test_names_that_functions_bind() -> None:
    found = cells("def f():\n    global made\n    made = 1\n# %%\nf()\n# %%\nprint(made)\n")
    assert "made" in found[2].binds
    assert found[3].reads == {"made"}


def test_names_of_a_cell_that_is_given_up() -> None:
    found = cells("a = x\n" + "learn(h)\n" * 9000 + "b = a + y\n")
    assert {"a", "b"} <= found[1].binds
    assert {"x", "y", "learn", "h"} <= found[1].reads


def test_the_same_source_gives_the_same_facts() -> None:
    code = "nets = {Own(), nn.RNNCell(7, 8), nn.RNN(7, 8)}\nfor net in nets:\n    learn(net(x) + a + b)\n"
    assert repr(facts(notebook(code)).answers) == repr(facts(notebook(code)).answers)


# -- sentences

LANGUAGES = ("en", "ko")
SOURCES = Path(str(resources.files("grader") / "rules"))


def sentences(language: str) -> dict[str, str]:
    file = resources.files("grader.catalogue") / f"rules.{language}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


def slots(sentence: str) -> Iterator[str]:
    return (name for _, name, _, _ in string.Formatter().parse(sentence) if name)


def ids_in_source() -> set[str]:
    texts = (file.read_text(encoding="utf-8") for file in SOURCES.glob("*.py"))
    return {id for text in texts for id in re.findall(r'"(rules\.[a-z_]+)"', text)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_a_sentence(language: str) -> None:
    assert set(sentences(language)) == ids_in_source()


def test_languages_have_the_same_slots() -> None:
    first, second = (sentences(language) for language in LANGUAGES)
    assert {id: set(slots(said)) for id, said in first.items()} == {
        id: set(slots(said)) for id, said in second.items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_slot_is_given(language: str) -> None:
    for id, said in sentences(language).items():
        assert set(slots(said)) <= ({"what", "line"} if id == "rules.syntax_error" else {"what"})
