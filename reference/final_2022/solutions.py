"""The six networks of part 1, each written the way a fully right student would write it.

Every solution takes (seed, device, epochs, settings, initial): with `seed` the generator is set
right before the cell and then the Linear layer are made; `initial` (as found in `Fit.initial`)
replaces the values drawn. The repetition between them is deliberate: each one reads by itself.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from .sequence import Fit, Settings, Trace, one_hot_pairs

Initial = Mapping[str, torch.Tensor]


def solve_1_1(seed: int, device: str, epochs: int, settings: Settings, initial: Initial | None = None) -> Fit:
    """torch.nn.RNN over the whole sequence."""
    x, y = one_hot_pairs(settings, device)
    torch.manual_seed(seed)
    rnn = torch.nn.RNN(x.shape[1], settings.rnn_hidden).to(device)
    linear = torch.nn.Linear(settings.rnn_hidden, y.shape[1]).to(device)
    parameters: dict[str, torch.Tensor] = {"linear.weight": linear.weight, "linear.bias": linear.bias}
    for name, value in rnn.named_parameters():
        parameters[name.removesuffix("_l0")] = value
    if initial is not None:
        for name, parameter in parameters.items():
            parameter.data.copy_(initial[name])
    loss_fn = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam([*rnn.parameters(), *linear.parameters()], lr=settings.lr)
    trace = Trace(optimizer, epochs, parameters)
    for step in range(1, epochs + 1):
        hidden, _ = rnn(x)
        output = linear(hidden)
        loss = loss_fn(output, y)
        loss.backward()
        trace.record(step, output, loss)
        optimizer.step()
        optimizer.zero_grad()
    return trace.fit()


def solve_1_2(seed: int, device: str, epochs: int, settings: Settings, initial: Initial | None = None) -> Fit:
    """torch.nn.RNNCell, one character after the other."""
    x, y = one_hot_pairs(settings, device)
    torch.manual_seed(seed)
    cell = torch.nn.RNNCell(x.shape[1], settings.rnn_hidden).to(device)
    linear = torch.nn.Linear(settings.rnn_hidden, y.shape[1]).to(device)
    parameters = {
        "weight_ih": cell.weight_ih,
        "weight_hh": cell.weight_hh,
        "bias_ih": cell.bias_ih,
        "bias_hh": cell.bias_hh,
        "linear.weight": linear.weight,
        "linear.bias": linear.bias,
    }
    if initial is not None:
        for name, parameter in parameters.items():
            parameter.data.copy_(initial[name])
    loss_fn = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam([*cell.parameters(), *linear.parameters()], lr=settings.lr)
    trace = Trace(optimizer, epochs, parameters)
    for step in range(1, epochs + 1):
        states = []
        state = torch.zeros(settings.rnn_hidden, device=device)
        for character in x:
            state = cell(character, state)
            states.append(state)
        output = linear(torch.stack(states))
        loss = loss_fn(output, y)
        loss.backward()
        trace.record(step, output, loss)
        optimizer.step()
        optimizer.zero_grad()
    return trace.fit()


class OwnRNNCell(torch.nn.Module):
    """A plain recurrent cell made of two Linear layers."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.from_input = torch.nn.Linear(inputs, hidden)
        self.from_state = torch.nn.Linear(hidden, hidden)

    def forward(self, character: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.from_input(character) + self.from_state(state))


def solve_1_3(seed: int, device: str, epochs: int, settings: Settings, initial: Initial | None = None) -> Fit:
    """An own class that starts from the values of a freshly seeded RNNCell and Linear."""
    x, y = one_hot_pairs(settings, device)
    cell = OwnRNNCell(x.shape[1], settings.rnn_hidden).to(device)
    linear = torch.nn.Linear(settings.rnn_hidden, y.shape[1]).to(device)
    parameters = {
        "weight_ih": cell.from_input.weight,
        "weight_hh": cell.from_state.weight,
        "bias_ih": cell.from_input.bias,
        "bias_hh": cell.from_state.bias,
        "linear.weight": linear.weight,
        "linear.bias": linear.bias,
    }
    if initial is None:
        torch.manual_seed(seed)
        source_cell = torch.nn.RNNCell(x.shape[1], settings.rnn_hidden)
        source_linear = torch.nn.Linear(settings.rnn_hidden, y.shape[1])
        initial = {
            "weight_ih": source_cell.weight_ih.data,
            "weight_hh": source_cell.weight_hh.data,
            "bias_ih": source_cell.bias_ih.data,
            "bias_hh": source_cell.bias_hh.data,
            "linear.weight": source_linear.weight.data,
            "linear.bias": source_linear.bias.data,
        }
    for name, parameter in parameters.items():
        parameter.data.copy_(initial[name])
    loss_fn = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam([*cell.parameters(), *linear.parameters()], lr=settings.lr)
    trace = Trace(optimizer, epochs, parameters)
    for step in range(1, epochs + 1):
        states = []
        state = torch.zeros(settings.rnn_hidden, device=device)
        for character in x:
            state = cell(character, state)
            states.append(state)
        output = linear(torch.stack(states))
        loss = loss_fn(output, y)
        loss.backward()
        trace.record(step, output, loss)
        optimizer.step()
        optimizer.zero_grad()
    return trace.fit()


def solve_1_4(seed: int, device: str, epochs: int, settings: Settings, initial: Initial | None = None) -> Fit:
    """torch.nn.LSTM over the whole sequence."""
    x, y = one_hot_pairs(settings, device)
    torch.manual_seed(seed)
    lstm = torch.nn.LSTM(x.shape[1], settings.lstm_hidden).to(device)
    linear = torch.nn.Linear(settings.lstm_hidden, y.shape[1]).to(device)
    parameters: dict[str, torch.Tensor] = {"linear.weight": linear.weight, "linear.bias": linear.bias}
    for name, value in lstm.named_parameters():
        parameters[name.removesuffix("_l0")] = value
    if initial is not None:
        for name, parameter in parameters.items():
            parameter.data.copy_(initial[name])
    loss_fn = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam([*lstm.parameters(), *linear.parameters()], lr=settings.lr)
    trace = Trace(optimizer, epochs, parameters)
    for step in range(1, epochs + 1):
        hidden, _ = lstm(x)
        output = linear(hidden)
        loss = loss_fn(output, y)
        loss.backward()
        trace.record(step, output, loss)
        optimizer.step()
        optimizer.zero_grad()
    return trace.fit()


def solve_1_5(seed: int, device: str, epochs: int, settings: Settings, initial: Initial | None = None) -> Fit:
    """torch.nn.LSTMCell, one character after the other."""
    x, y = one_hot_pairs(settings, device)
    torch.manual_seed(seed)
    cell = torch.nn.LSTMCell(x.shape[1], settings.lstm_hidden).to(device)
    linear = torch.nn.Linear(settings.lstm_hidden, y.shape[1]).to(device)
    parameters = {
        "weight_ih": cell.weight_ih,
        "weight_hh": cell.weight_hh,
        "bias_ih": cell.bias_ih,
        "bias_hh": cell.bias_hh,
        "linear.weight": linear.weight,
        "linear.bias": linear.bias,
    }
    if initial is not None:
        for name, parameter in parameters.items():
            parameter.data.copy_(initial[name])
    loss_fn = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam([*cell.parameters(), *linear.parameters()], lr=settings.lr)
    trace = Trace(optimizer, epochs, parameters)
    for step in range(1, epochs + 1):
        states = []
        state = torch.zeros(settings.lstm_hidden, device=device)
        memory = torch.zeros(settings.lstm_hidden, device=device)
        for character in x:
            state, memory = cell(character, (state, memory))
            states.append(state)
        output = linear(torch.stack(states))
        loss = loss_fn(output, y)
        loss.backward()
        trace.record(step, output, loss)
        optimizer.step()
        optimizer.zero_grad()
    return trace.fit()


class OwnLSTMCell(torch.nn.Module):
    """A long short-term memory cell made of two Linear layers, one for all four gates each."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.from_input = torch.nn.Linear(inputs, 4 * hidden)
        self.from_state = torch.nn.Linear(hidden, 4 * hidden)

    def forward(
        self, character: torch.Tensor, past: tuple[torch.Tensor, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        state, memory = past
        gates = self.from_input(character) + self.from_state(state)
        let_in, forget, candidate, let_out = gates.chunk(4)
        memory = torch.sigmoid(forget) * memory + torch.sigmoid(let_in) * torch.tanh(candidate)
        return torch.sigmoid(let_out) * torch.tanh(memory), memory


def solve_1_6(seed: int, device: str, epochs: int, settings: Settings, initial: Initial | None = None) -> Fit:
    """An own design that starts from the values of a freshly seeded LSTMCell and Linear."""
    x, y = one_hot_pairs(settings, device)
    cell = OwnLSTMCell(x.shape[1], settings.lstm_hidden).to(device)
    linear = torch.nn.Linear(settings.lstm_hidden, y.shape[1]).to(device)
    parameters = {
        "weight_ih": cell.from_input.weight,
        "weight_hh": cell.from_state.weight,
        "bias_ih": cell.from_input.bias,
        "bias_hh": cell.from_state.bias,
        "linear.weight": linear.weight,
        "linear.bias": linear.bias,
    }
    if initial is None:
        torch.manual_seed(seed)
        source_cell = torch.nn.LSTMCell(x.shape[1], settings.lstm_hidden)
        source_linear = torch.nn.Linear(settings.lstm_hidden, y.shape[1])
        initial = {
            "weight_ih": source_cell.weight_ih.data,
            "weight_hh": source_cell.weight_hh.data,
            "bias_ih": source_cell.bias_ih.data,
            "bias_hh": source_cell.bias_hh.data,
            "linear.weight": source_linear.weight.data,
            "linear.bias": source_linear.bias.data,
        }
    for name, parameter in parameters.items():
        parameter.data.copy_(initial[name])
    loss_fn = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam([*cell.parameters(), *linear.parameters()], lr=settings.lr)
    trace = Trace(optimizer, epochs, parameters)
    for step in range(1, epochs + 1):
        states = []
        state = torch.zeros(settings.lstm_hidden, device=device)
        memory = torch.zeros(settings.lstm_hidden, device=device)
        for character in x:
            state, memory = cell(character, (state, memory))
            states.append(state)
        output = linear(torch.stack(states))
        loss = loss_fn(output, y)
        loss.backward()
        trace.record(step, output, loss)
        optimizer.step()
        optimizer.zero_grad()
    return trace.fit()
