"""Honest answers: no forbidden module may be seen where only its values are read."""

from __future__ import annotations

import pytest

from .summary import read, summary

# What the code does -> the code -> what is found.
CASES = {
    "own cell in a loop": (
        """
        cell = Own()
        for epoch in range(100):
            hidden = []
            ht = h
            for xt in x:
                ht = cell(xt, ht)
                hidden.append(ht)
            loss = loss_fn(linr(torch.stack(hidden)), y)
            loss.backward()
        """,
        "own Own",
    ),
    "values by .data": (
        """
        ref = nn.RNNCell(7, 8)
        cell = Own()
        cell.i2h.weight.data = ref.weight_ih.data
        cell.i2h.bias.data = ref.bias_ih.data.clone()
        cell.h2h.weight.data[:] = ref.weight_hh.data
        learn(cell(x, h))
        """,
        "own Own",
    ),
    "values by copy_ under no_grad": (
        """
        ref = nn.RNNCell(7, 8)
        cell = Own()
        with torch.no_grad():
            cell.i2h.weight.copy_(ref.weight_ih)
            cell.h2h.weight[:] = ref.weight_hh
        learn(cell(x, h))
        """,
        "own Own",
    ),
    "values by data.copy_": (
        """
        ref = nn.RNNCell(7, 8)
        cell = Own()
        cell.i2h.weight.data.copy_(ref.weight_ih)
        learn(cell(x, h))
        """,
        "own Own",
    ),
    "values by a new Parameter": (
        """
        ref = nn.RNNCell(7, 8)
        cell = Own()
        cell.i2h.weight = nn.Parameter(ref.weight_ih.detach().clone())
        cell.h2h.weight = torch.nn.Parameter(ref.weight_hh)
        learn(cell(x, h))
        """,
        "own Own",
    ),
    "the Parameter itself becomes one of the own network": (
        """
        ref = nn.RNNCell(7, 8)
        cell = Own()
        cell.i2h.weight = ref.weight_ih
        cell.h2h.weight = ref.weight_hh
        learn(cell(x, h))
        """,
        "own Own",
    ),
    "values by load_state_dict": (
        """
        ref = nn.RNNCell(7, 8)
        cell = Own()
        s = ref.state_dict()
        cell.load_state_dict({"i2h.weight": s["weight_ih"], "i2h.bias": s["bias_ih"],
                              "h2h.weight": s["weight_hh"], "h2h.bias": s["bias_hh"]})
        learn(cell(x, h))
        """,
        "own Own",
    ),
    "values by a loop over both parameter lists": (
        """
        ref = nn.RNNCell(7, 8)
        cell = Own()
        for mine, theirs in zip(cell.parameters(), ref.parameters()):
            mine.data = theirs.data.clone()
        learn(cell(x, h))
        """,
        "own Own",
    ),
    "values by getattr over names": (
        """
        ref = nn.RNNCell(7, 8)
        cell = Own()
        for a, b in [("i2h", "ih"), ("h2h", "hh")]:
            getattr(cell, a).weight.data = getattr(ref, "weight_" + b).data
            getattr(cell, a).bias.data = getattr(ref, f"bias_{b}").data
        learn(cell(x, h))
        """,
        "own Own",
    ),
    "values by torch.nn.init": (
        """
        cell = Own()
        for p in cell.parameters():
            torch.nn.init.uniform_(p, -0.35, 0.35)
        learn(cell(x, h))
        """,
        "own Own",
    ),
    "values through numpy": (
        """
        ref = nn.RNNCell(7, 8)
        w = ref.weight_ih.detach().numpy().tolist()
        cell = Own()
        cell.i2h.weight.data = torch.tensor(w)
        learn(cell(x, h))
        """,
        "own Own",
    ),
    "values kept in a dictionary": (
        """
        ref = nn.RNNCell(7, 8)
        start = {k: v.clone().detach() for k, v in ref.named_parameters()}
        cell = Own()
        cell.i2h.weight.data = start["weight_ih"]
        learn(cell(x, h))
        """,
        "own Own",
    ),
    "a function copies the values": (
        """
        def copy_weights(a, b):
            with torch.no_grad():
                a.i2h.weight.copy_(b.weight_ih); a.h2h.weight.copy_(b.weight_hh)
            return a
        cell = copy_weights(Own(), nn.RNNCell(7, 8))
        learn(cell(x, h))
        """,
        "own Own",
    ),
    "the reference lives only in __init__": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                ref = nn.RNNCell(7, 8)
                self.i2h, self.h2h = nn.Linear(7, 8), nn.Linear(8, 8)
                self.i2h.weight.data = ref.weight_ih.data
                self.h2h.weight.data = ref.weight_hh.data
            def forward(self, x, h):
                return torch.tanh(self.i2h(x) + self.h2h(h))
        learn(Net()(x, h))
        """,
        "own Net",
    ),
    "the reference is kept on the network, and only read": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.ref = nn.RNNCell(7, 8)
                self.w = nn.Parameter(self.ref.weight_ih.data.clone())
            def forward(self, x, h):
                return torch.tanh(x @ self.w.T)
        learn(Net()(x, h))
        """,
        "own Net",
    ),
    "own parameters as tensors": (
        """
        class Net(nn.Module):
            def __init__(self, ref):
                super().__init__()
                self.wi = nn.Parameter(ref.weight_ih.clone().detach())
                self.wh = nn.Parameter(ref.weight_hh.clone().detach())
            def forward(self, x, h):
                return torch.tanh(x @ self.wi.T + h @ self.wh.T)
        net = Net(nn.RNNCell(7, 8))
        learn(net(x, h))
        """,
        "own Net",
    ),
    "an own cell as a function of free tensors": (
        """
        ref = nn.LSTMCell(7, 4)
        wi = ref.weight_ih.data.clone().requires_grad_(True)
        wh = torch.nn.Parameter(ref.weight_hh.data)
        def cell(x, h):
            return torch.tanh(x @ wi.T + h @ wh.T)
        learn(cell(x, h))
        """,
        "nothing",
    ),
    "compares with the reference under no_grad": (
        """
        ref, cell = nn.RNNCell(7, 8), Own()
        with torch.no_grad():
            print((cell(x, h) - ref(x, h)).abs().max())
        learn(cell(x, h))
        """,
        "own Own",
    ),
    "compares with the reference, detached": (
        """
        ref, cell = nn.RNNCell(7, 8), Own()
        mine = cell(x, h)
        print(torch.allclose(mine, ref(x, h)), (mine.detach() - ref(x, h).detach()).max())
        learn(mine)
        """,
        "own Own",
    ),
    "compares in a function under no_grad": (
        """
        @torch.no_grad()
        def check(a, b):
            return (a(x, h) - b(x, h)).abs().max()
        ref, cell = nn.RNNCell(7, 8), Own()
        gap = check(ref, cell)
        learn(cell(x, h) + gap)
        """,
        "own Own",
    ),
    "a name used by the question before": (
        """
        # %% 1-2
        rnncell = nn.RNNCell(7, 8)
        for epoch in range(100):
            for xt in x:
                ht = rnncell(xt, h)
            learn(ht)
        # %% q
        rnncell = Own()
        for epoch in range(100):
            for xt in x:
                ht = rnncell(xt, h)
            learn(ht)
        """,
        "own Own",
    ),
    "a training function shared by the questions": (
        """
        # %%
        def fit(cell):
            out = linr
            for epoch in range(100):
                hidden = []
                ht = h
                for xt in x:
                    ht = cell(xt, ht)
                    hidden.append(ht)
                loss = loss_fn(out(torch.stack(hidden)), y)
                loss.backward()
            return hidden
        # %% 1-2
        hidden2 = fit(nn.RNNCell(7, 8))
        # %% q
        hidden3 = fit(Own())
        """,
        "own Own",
    ),
    "a training class shared by the questions": (
        """
        # %%
        class Trainer:
            def __init__(self, net):
                self.net = net
                self.history = []
            def run(self):
                for epoch in range(100):
                    out = self.net(x, h)
                    self.history.append(out)
                    learn(out)
        # %% 1-2
        t = Trainer(nn.RNNCell(7, 8))
        t.run()
        # %% q
        t = Trainer(Own())
        t.run()
        """,
        "own Own",
    ),
    "old fitted values are compared with": (
        """
        # %% 1-2
        rnncell = nn.RNNCell(7, 8)
        output = rnncell(x, h)
        learn(output)
        yhat2 = output.softmax(1).detach()
        # %% q
        cell = Own()
        for epoch in range(100):
            output = cell(x, h)
            learn(output)
        print((output.softmax(1) - yhat2).abs().max())
        """,
        "own Own",
    ),
    "branches decided by a constant": (
        """
        USE_BUILTIN = False
        if USE_BUILTIN:
            cell = nn.RNNCell(7, 8)
        else:
            cell = Own()
        kind = "own"
        out = cell(x, h) if kind == "own" else nn.RNNCell(7, 8)(x, h)
        learn(out)
        """,
        "own Own",
    ),
    "an optional argument that is not used": (
        """
        class Net(nn.Module):
            def __init__(self, builtin=None):
                super().__init__()
                self.own = Own()
                self.builtin = builtin
            def forward(self, x, h, use_builtin=False):
                if use_builtin:
                    return self.builtin(x, h)
                return self.own(x, h)
        learn(Net()(x, h))
        """,
        "own Net; own Own",
    ),
    "code switched off by a string": (
        '''
        """
        rnn = nn.RNNCell(7, 8)
        learn(rnn(x, h))
        """
        learn(Own()(x, h))
        ''',
        "own Own",
    ),
    "layers in a ModuleList": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.layers = nn.ModuleList([nn.Linear(7, 8), nn.Linear(8, 8)])
            def forward(self, x, h):
                return torch.tanh(self.layers[0](x) + self.layers[1](h))
        learn(Net()(x, h))
        """,
        "own Net",
    ),
    "layers in a Sequential": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.body = nn.Sequential(nn.Linear(7, 8), nn.Tanh())
            def forward(self, x, h):
                return self.body(x) + h
        learn(nn.Sequential(Net())(x))
        """,
        "own Net",
    ),
    "the sequence is run inside forward": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.cell, self.out = Own(), nn.Linear(8, 7)
            def forward(self, x):
                ht, outs = torch.zeros(8), []
                for t in range(len(x)):
                    ht = self.cell(x[t], ht)
                    outs += [self.out(ht)]
                return torch.stack(outs)
        net = Net()
        loss = loss_fn(net(x), y); loss.backward()
        """,
        "own Net; own Own",
    ),
    "hidden states are written into a tensor": (
        """
        cell = Own()
        hidden = torch.zeros(9, 8)
        for t in range(9):
            hidden[t] = cell(x[t], hidden[t - 1])
        learn(hidden)
        """,
        "own Own",
    ),
    "own LSTM cell that returns two states": (
        """
        class Cell(nn.Module):
            def __init__(self):
                super().__init__()
                self.gates = nn.Linear(15, 32)
            def forward(self, x, past):
                h, c = past
                i, f, g, o = self.gates(torch.cat([x, h], 1)).chunk(4, 1)
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                return o.sigmoid() * c.tanh(), c
        ref = nn.LSTMCell(7, 8)
        cell = Cell()
        cell.gates.weight.data = torch.cat([ref.weight_ih, ref.weight_hh], 1).data
        ht, ct = cell(x, (h, c))
        learn(ht)
        """,
        "own Cell",
    ),
    "own method instead of forward": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.i2h = nn.Linear(7, 8)
            def step(self, x):
                return self.i2h(x)
        learn(Net().step(x))
        """,
        "own Net",
    ),
    "the network trains itself": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.cell = Own()
            def forward(self, x):
                return self.cell(x, h)
            def fit(self, epochs):
                for _ in range(epochs):
                    learn(self(x))
                return self
        net = Net().fit(100)
        """,
        "own Net; own Own",
    ),
    "forward is called by name": (
        """
        learn(Own().forward(x, h))
        """,
        "own Own",
    ),
    "a subclass of an own class": (
        """
        class Better(Own):
            def forward(self, xt, ht):
                return super().forward(xt, ht) * 1.0
        learn(Better()(x, h))
        """,
        "own Better",
    ),
    "old-style super and class attributes": (
        """
        class Net(nn.Module):
            act = torch.tanh
            size = 8
            def __init__(self):
                super(Net, self).__init__()
                self.i2h = nn.Linear(7, self.size)
            def forward(self, x, h):
                return torch.tanh(self.i2h(x) + h)
        learn(Net()(x, h))
        """,
        "own Net",
    ),
    "imports in another way": (
        """
        from torch import nn as layers, optim
        from torch.nn import Module, Linear
        from torch.nn.modules.rnn import RNNCell as Reference
        class Net(Module):
            def __init__(self):
                super().__init__()
                self.i2h = Linear(7, 8)
            def forward(self, x, h):
                return (self.i2h(x) + h).tanh()
        ref, net = Reference(7, 8), Net()
        net.i2h.load_state_dict({"weight": ref.weight_ih, "bias": ref.bias_ih})
        learn(net(x, h))
        """,
        "own Net",
    ),
    "star imports": (
        """
        from torch.nn import *
        from fastai.text.all import *
        class Net(Module):
            def __init__(self):
                super().__init__()
                self.i2h = nn.Linear(7, 8)
            def forward(self, x, h):
                return torch.tanh(self.i2h(x) + h)
        learn(Net()(x, h))
        """,
        "own Net",
    ),
    "a library's drawing is no training": (
        """
        import matplotlib.pyplot as plt, numpy as np, pandas as pd
        from tqdm.auto import tqdm
        cell = Own()
        for epoch in tqdm(range(100)):
            out = cell(x, h)
            learn(out)
        plt.matshow(out.data[:10], cmap="bwr")
        fig, ax = plt.subplots(); ax.plot(np.array([1, 2])); pd.DataFrame(out.tolist()).round(3)
        """,
        "own Own",
    ),
    "early stopping and printing": (
        """
        cell = Own()
        best, kept = 9.9, None
        for epoch in range(100):
            out = cell(x, h)
            loss = loss_fn(linr(out), y)
            loss.backward()
            if loss.item() < best:
                best, kept = loss.item(), cell.state_dict()
            elif epoch > 50:
                break
            if epoch % 10 == 0:
                print(f"{epoch}: {loss.item():.3f}")
        cell.load_state_dict(kept)
        """,
        "own Own",
    ),
    "CUDA if there is one": (
        """
        device = "cuda:0" if torch.cuda.is_available() else "cpu"
        try:
            x = x.to(device)
        except RuntimeError as error:
            print(error)
        cell = Own().to(device)
        learn(cell(x.to(device), h.to(device)))
        """,
        "own Own",
    ),
    "assertions and type hints": (
        """
        from typing import Optional
        def run(cell: nn.Module, xs: torch.Tensor, h0: Optional[torch.Tensor] = None) -> torch.Tensor:
            assert xs.dim() == 2, "two dimensions"
            ht: torch.Tensor = h0 if h0 is not None else torch.zeros(8)
            outs: list[torch.Tensor] = []
            for xt in xs:
                ht = cell(xt, ht)
                outs.append(ht)
            return torch.stack(outs)
        learn(run(Own(), x))
        """,
        "own Own",
    ),
    "recursion over time": (
        """
        cell = Own()
        def run(t, ht):
            if t == 9:
                return ht
            return run(t + 1, cell(x[t], ht))
        learn(run(0, h))
        """,
        "own Own",
    ),
    "reduce and lambda": (
        """
        from functools import reduce
        cell = Own()
        learn(reduce(lambda ht, xt: cell(xt, ht), x, h))
        """,
        "own Own",
    ),
    "manual gradient descent": (
        """
        cell = Own()
        loss = loss_fn(cell(x, h), y)
        grads = torch.autograd.grad(loss, list(cell.parameters()))
        with torch.no_grad():
            for p, g in zip(cell.parameters(), grads):
                p -= 0.1 * g
        """,
        "own Own",
    ),
    "LBFGS with a closure": (
        """
        cell = Own()
        opt = torch.optim.LBFGS(cell.parameters())
        def closure():
            opt.zero_grad()
            loss = loss_fn(cell(x, h), y)
            loss.backward()
            return loss
        opt.step(closure)
        """,
        "own Own",
    ),
    "the reference is trained in another question only": (
        """
        # %% 1-2
        rnncell = nn.RNNCell(7, 8)
        learn(rnncell(x, h))
        # %% q
        cell = Own()
        cell.i2h.weight.data = rnncell.weight_ih.data
        learn(cell(x, h))
        """,
        "own Own",
    ),
    "a dead branch of a helper": (
        """
        def make(kind="own"):
            if kind == "rnn":
                return nn.RNNCell(7, 8)
            elif kind == "own":
                return Own()
            raise ValueError(kind)
        learn(make()(x, h))
        """,
        "own Own",
    ),
    "a dictionary of choices": (
        """
        kinds = {"rnn": nn.RNNCell, "own": Own}
        learn(kinds["own"]()(x, h))
        """,
        "own Own",
    ),
    "a name deleted and made again": (
        """
        net = nn.RNNCell(7, 8)
        w = net.weight_ih.data
        del net
        net = Own()
        learn(net(x, h))
        """,
        "own Own",
    ),
    "a dataclass of settings": (
        """
        from dataclasses import dataclass
        @dataclass
        class Config:
            hidden: int = 8
            cell: type = Own
        config = Config()
        learn(config.cell()(x, h))
        """,
        "own Own",
    ),
    "timing magic, translated": (
        """
        cell = Own()
        get_ipython().run_cell_magic("time", "", "for epoch in range(100):\\n    learn(cell(x, h))\\n")
        """,
        "own Own",
    ),
    "the first state is set inside the loop, and its name was used before": (
        """
        # %% 1-2
        rnncell = nn.RNNCell(7, 8)
        ht = rnncell(x, h)
        learn(ht)
        # %% q
        cell = Own()
        for epoch in range(100):
            for t in range(9):
                if t == 0:
                    ht = torch.zeros(8)
                ht = cell(x[t], ht)
            learn(ht)
        """,
        "own Own",
    ),
    "an answer inside try": (
        """
        # %% 1-2
        output = nn.RNNCell(7, 8)(x, h)
        learn(output)
        # %% q
        try:
            output = Own()(x, h)
        except RuntimeError as error:
            print(error)
        learn(output)
        """,
        "own Own",
    ),
    "gates by letter": (
        """
        class Cell(nn.Module):
            def __init__(self):
                super().__init__()
                for gate in "ifgo":
                    setattr(self, f"x_{gate}", nn.Linear(7, 8))
                    setattr(self, "h_" + gate, nn.Linear(8, 8))
            def forward(self, x, h):
                i, f, g, o = (getattr(self, f"x_{k}")(x) + getattr(self, f"h_{k}")(h) for k in "ifgo")
                return o.sigmoid() * (i.sigmoid() * g.tanh()).tanh()
        learn(Cell()(x, h))
        """,
        "own Cell",
    ),
    "layers of an own network, used directly": (
        """
        net = Own()
        learn(torch.tanh(net.i2h(x) + net.h2h(h)))
        """,
        "parameters Own",
    ),
    "settings of libraries": (
        """
        import os, warnings, matplotlib.pyplot as plt, numpy as np
        os.environ["CUDA_VISIBLE_DEVICES"] = "0"
        warnings.filterwarnings("ignore")
        plt.rcParams["figure.dpi"] = 120
        plt.rcParams.update({"font.size": 12})
        np.set_printoptions(precision=3)
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
        torch.set_default_dtype(torch.float32)
        torch.use_deterministic_algorithms(True)
        learn(Own()(x, h))
        """,
        "own Own",
    ),
    "shell commands of every day": (
        """
        get_ipython().system("pip install torchinfo")
        get_ipython().system("nvidia-smi")
        get_ipython().run_line_magic("matplotlib", "inline")
        from torchinfo import summary
        cell = Own()
        print(summary(cell), cell, type(cell), len(list(cell.parameters())))
        learn(cell(x, h))
        """,
        "own Own",
    ),
    "mixed precision": (
        """
        scaler = torch.cuda.amp.GradScaler()
        cell = Own()
        opt = torch.optim.Adam(cell.parameters())
        with torch.autocast("cuda"):
            loss = loss_fn(linr(cell(x, h)), y)
        scaler.scale(loss).backward()
        scaler.step(opt)
        """,
        "own Own",
    ),
    "a scheduler, clipping and a data loader": (
        """
        from torch.utils.data import DataLoader, TensorDataset
        loader = DataLoader(TensorDataset(x, y), batch_size=9)
        cell = Own()
        opt = torch.optim.SGD([{"params": cell.parameters()}, {"params": linr.parameters(), "lr": 0.1}])
        plan = torch.optim.lr_scheduler.StepLR(opt, 10)
        for epoch in range(10):
            for xb, yb in loader:
                loss = loss_fn(linr(cell(xb, h)), yb)
                opt.zero_grad(); loss.backward()
                torch.nn.utils.clip_grad_norm_(cell.parameters(), 1.0)
                opt.step(); plan.step()
        """,
        "own Own",
    ),
    "a helper that can make both": (
        """
        def make(kind):
            return nn.RNNCell(7, 8) if kind == "reference" else Own()
        nets = {kind: make(kind) for kind in ["reference", "own"]}
        nets["own"].i2h.weight.data = nets["reference"].weight_ih.data
        learn(nets["own"](x, h))
        """,
        "own Own",
    ),
    "no_grad entered by hand": (
        """
        guard = torch.no_grad()
        guard.__enter__()
        gap = nn.RNNCell(7, 8)(x, h)
        guard.__exit__(None, None, None)
        learn(Own()(x, h) + gap)
        """,
        "own Own",
    ),
    "another recurrent module that is allowed": (
        """
        learn(nn.GRUCell(7, 8)(x, h))
        """,
        "core nn.GRUCell",
    ),
    "the asked module": (
        """
        rnn = torch.nn.RNN(7, 8)
        hidden, last = rnn(x)
        learn(hidden)
        """,
        "core nn.RNN",
    ),
    "the asked cell, and its state": (
        """
        lstmcell = torch.nn.LSTMCell(7, 8)
        ht, ct = h, c
        for xt in x:
            ht, ct = lstmcell(xt, (ht, ct))
        learn(ht)
        """,
        "core nn.LSTMCell",
    ),
    # -- neighbours of what leads out of sight
    "looking at the machine and at source": (
        """
        import gc, sys, os, inspect, functools
        gc.collect(); print(sys.version, os.getcwd(), os.environ['HOME'], inspect.getsource(Own))
        os.environ['A'] = 'b'
        learn(Own()(x, h))
        """,
        "own Own",
    ),
    "a decorator with wraps": (
        """
        import functools
        def timed(f):
            @functools.wraps(f)
            def inner(*a, **k):
                return f(*a, **k)
            inner.__wrapped__ = f
            return inner
        @timed
        def train(n):
            learn(n(x, h))
        train(Own())
        """,
        "own Own",
    ),
    "what kind of shell it is": (
        """
        print(get_ipython().__class__.__name__)
        get_ipython().ast_node_interactivity = 'all'
        if 'IPKernelApp' in get_ipython().config: pass
        get_ipython().system('cat /proc/cpuinfo')
        learn(Own()(x, h))
        """,
        "own Own",
    ),
    "where the notebook runs": (
        """
        import sys
        if 'google.colab' in sys.modules: pass
        print(sys.modules[__name__])
        learn(Own()(x, h))
        """,
        "own Own",
    ),
    "own private names": (
        """
        class Net(Own):
            def __init__(self):
                super().__init__()
                self._scale, self.__bias, self._grad_hooks = 1, 2, []
            def _step(self, x, h): return super().forward(x, h) * self._scale + self.__bias
            def forward(self, x, h): return self._step(x, h)
            def _apply(self, fn): return super()._apply(fn)
            def __repr__(self): return self._get_name()
        net = Net()
        learn(net(x, h))
        """,
        "own Net",
    ),
    "tables of submodules, shown": (
        """
        own = Own()
        print(own._modules.keys(), own._parameters, own._buffers)
        for k, v in own._modules.items(): print(k, v)
        learn(own(x, h))
        """,
        "own Own",
    ),
    "initial values as torch computes them": (
        """
        import math
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.w = nn.Parameter(torch.rand(8, 7))
                fan, _ = nn.init._calculate_fan_in_and_fan_out(self.w)
                nn.init.uniform_(self.w, -1 / math.sqrt(fan), 1)
            def forward(self, x, h): return x @ self.w.T + h
        learn(Net()(x, h))
        """,
        "own Net",
    ),
    "private names of every day": (
        """
        opt = torch.optim.Adam(linr.parameters())
        s = torch.optim.lr_scheduler.StepLR(opt, 1)
        print(isinstance(s, torch.optim.lr_scheduler._LRScheduler), opt._step_count)
        learn(Own()(x, h))
        """,
        "own Own",
    ),
    "settings of the compiler": (
        """
        import torch._dynamo
        torch._dynamo.config.suppress_errors = True
        learn(torch.compile(Own())(x, h))
        """,
        "own Own",
    ),
    "a hook that only keeps": (
        """
        own = Own()
        acts = []
        handle = own.i2h.register_forward_hook(lambda m, i, o: acts.append(o.detach()))
        learn(own(x, h)); handle.remove()
        """,
        "own Own",
    ),
    "an own forward bound to an object": (
        """
        import types
        own = Own()
        def f(self, xt, ht): return torch.tanh(self.i2h(xt) + self.h2h(ht))
        own.forward = types.MethodType(f, own)
        learn(own(x, h))
        """,
        "own Own",
    ),
    "an own forward bound by __get__": (
        """
        own = Own()
        def f(self, xt, ht): return torch.tanh(self.i2h(xt) + self.h2h(ht))
        own.forward = f.__get__(own, Own)
        learn(own(x, h))
        """,
        "own Own",
    ),
    "an own autograd function": (
        """
        class Tanh(torch.autograd.Function):
            @staticmethod
            def forward(ctx, v):
                out = torch.tanh(v)
                ctx.save_for_backward(out)
                return out
            @staticmethod
            def backward(ctx, g):
                out, = ctx.saved_tensors
                return g * (1 - out ** 2)
        own = Own()
        learn(Tanh.apply(own(x, h)))
        """,
        "own Own",
    ),
    "an own cell of free tensors, shown": (
        """
        wi, wh = torch.rand(8, 7, requires_grad=True), torch.rand(8, 8, requires_grad=True)
        import matplotlib.pyplot as plt
        ht = h
        for xt in x:
            ht = torch.tanh(xt @ wi.T + ht @ wh.T)
        learn(ht)
        fig, ax = plt.subplots(); ax.plot([1]); plt.show()
        """,
        "nothing",
    ),
    "an own cell of bare layers": (
        """
        i2h, h2h = nn.Linear(7, 8), nn.Linear(8, 8)
        act = {'tanh': torch.tanh}['tanh']
        ht = h
        for xt in x:
            ht = act(i2h(xt) + h2h(ht))
        learn(ht)
        """,
        "nothing",
    ),
    "files of every day": (
        """
        import os, json, numpy as np
        from pathlib import Path
        with open('hello.txt', 'w') as f: f.write('x')
        os.makedirs('out', exist_ok=True); os.urandom(16)
        Path('a') / 'b'
        torch.save(Own().state_dict(), 'net.pt')
        learn(Own()(x, h))
        """,
        "own Own",
    ),
    "numpy and sorting by functions": (
        """
        import numpy as np
        f = np.vectorize(lambda v: v + 1)
        print(f([1, 2]), sorted({'a': 1}.items(), key=__import__('operator').itemgetter(1)))
        learn(Own()(x, h))
        """,
        "own Own",
    ),
    "dictionaries of names": (
        """
        d = dict(globals())
        print(len(d), dict(os=1), dict(zip('ab', [1, 2])))
        learn(Own()(x, h))
        """,
        "own Own",
    ),
    "timing": (
        """
        import timeit
        own = Own()
        print(timeit.timeit(lambda: own(x, h), number=3))
        learn(own(x, h))
        """,
        "own Own",
    ),
    "parameters by name": (
        """
        cell = nn.RNNCell(7, 8)
        own = Own()
        for name in ['weight_ih', 'bias_ih']:
            print(getattr(cell, name).shape)
        own.i2h.weight.data = getattr(cell, 'weight_ih').data
        learn(own(x, h))
        """,
        "own Own",
    ),
    "names of parameters": (
        """
        rnn = nn.RNN(7, 8)
        print(rnn._all_weights, rnn._flat_weights_names, rnn._get_name())
        learn(Own()(x, h))
        """,
        "own Own",
    ),
    "names and documentation": (
        """
        print(Own.__name__, Own.__doc__, Own.forward.__name__, Own().__class__.__name__)
        print(torch.__version__, torch.__file__)
        print(Own.__mro__, Own.__bases__, nn.Linear.__doc__)
        learn(Own()(x, h))
        """,
        "own Own",
    ),
    "errors shown": (
        """
        import traceback, sys
        try:
            Own()(x, h)
        except Exception as e:
            traceback.print_exc(); print(sys.exc_info()[2].tb_lineno)
        learn(Own()(x, h))
        """,
        "own Own",
    ),
    "signatures and memory": (
        """
        import inspect, psutil, os
        print(inspect.signature(Own.forward), psutil.Process(os.getpid()).memory_info().rss, os.listdir('.'))
        learn(Own()(x, h))
        """,
        "own Own",
    ),
    "a progress bar": (
        """
        from tqdm import tqdm
        bar = tqdm(range(3))
        own = Own()
        for e in bar:
            learn(own(x, h)); bar.set_postfix(loss=1)
        """,
        "own Own",
    ),
    "own attributes in a dictionary": (
        """
        own = Own()
        print(own.__dict__.keys(), vars(own)['training'])
        class C:
            def __init__(self, **k): self.__dict__.update(k)
        learn(own(x, h))
        """,
        "own Own",
    ),
    "changing the learning rate": (
        """
        opt = torch.optim.Adam(linr.parameters())
        opt.param_groups[0]['lr'] = 0.1
        for g in opt.param_groups: g['lr'] *= 0.5
        learn(Own()(x, h))
        """,
        "own Own",
    ),
    "display": (
        """
        import IPython.display as d
        d.clear_output(wait=True)
        from IPython.display import display, HTML
        display(HTML('<b>'))
        learn(Own()(x, h))
        """,
        "own Own",
    ),
    "own operators and comparisons": (
        """
        class Box:
            def __init__(self, v): self.v = v
            def __eq__(self, o): return self.v == o
            def __lt__(self, o): return self.v < o
            def __neg__(self): return Box(-self.v)
            def __iadd__(self, o): self.v += o; return self
            def __contains__(self, o): return o == self.v
            def __len__(self): return 3
            def __repr__(self): return f'Box({self.v})'
        b = Box(1)
        b += 1
        print(b == 1, b < 2, -b, 1 in b, len(b), b, sorted([b], key=lambda o: o.v))
        print(max([1, 2], key=lambda v: -v))
        learn(Own()(x, h))
        """,
        "own Own",
    ),
    "own errors": (
        """
        class Diverged(Exception):
            pass
        own = Own()
        try:
            out = own(x, h)
            if out.isnan().any(): raise Diverged('at once')
        except Diverged as error:
            print(error.args, error)
        learn(own(x, h))
        """,
        "own Own",
    ),
    "a registry of classes": (
        """
        class Base(nn.Module):
            known = {}
            def __init_subclass__(cls, **more):
                super().__init_subclass__(**more)
                Base.known[cls.__name__] = cls
        class Net(Base):
            def __init__(self):
                super().__init__()
                self.i2h = nn.Linear(7, 8)
            def forward(self, x, h): return torch.tanh(self.i2h(x) + h)
        learn(Net()(x, h))
        """,
        "own Net",
    ),
    "an activation as a class attribute": (
        """
        class Net(nn.Module):
            act = torch.tanh
            out = staticmethod(torch.sigmoid)
            def __init__(self):
                super().__init__()
                self.i2h = nn.Linear(7, 8)
            def forward(self, x, h): return self.out(self.act(self.i2h(x)) + h)
        learn(Net()(x, h))
        """,
        "own Net",
    ),
    "a network that is shown, and helpers of libraries": (
        """
        import numpy as np, copy, pandas as pd
        from torchinfo import summary
        cell = Own()
        print(summary(cell), copy.deepcopy(cell))
        x.note = 'input'
        losses = np.zeros(3)
        losses[0] = 1.5
        frame = pd.DataFrame({'a': [1]})
        frame['b'] = frame['a'].apply(lambda v: v + 1)
        learn(cell(x, h))
        """,
        "own Own",
    ),
    "an abstract base": (
        """
        from abc import ABC, abstractmethod
        class Base(nn.Module, ABC):
            @abstractmethod
            def forward(self, x, h): ...
        class Net(Base):
            def __init__(self):
                super().__init__()
                self.i2h = nn.Linear(7, 8)
            def forward(self, x, h): return torch.tanh(self.i2h(x) + h)
        learn(Net()(x, h))
        """,
        "own Net",
    ),
}


@pytest.mark.parametrize(("code", "found"), CASES.values(), ids=CASES.keys())
def test_honest(code: str, found: str) -> None:
    assert summary(read(dedent(code))) == found


def dedent(code: str) -> str:
    """The code of a case without the table's indentation (text inside may start further left)."""
    return "\n".join(line.removeprefix("        ") for line in code.split("\n"))
