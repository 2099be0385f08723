"""Forbidden modules that are trained, openly or by a detour, and what cannot be told from the source."""

from __future__ import annotations

import pytest

from .summary import read, summary
from .test_honest import dedent

# What the code does -> the code -> what is found. A line that begins with `?` is a reason not to decide.
CASES = {
    "the module itself": (
        """
        rnncell = torch.nn.RNNCell(7, 8)
        for xt in x:
            h = rnncell(xt, h)
        learn(h)
        """,
        "core nn.RNNCell",
    ),
    "alias by import": (
        """
        from torch.nn import RNNCell as Linear2
        learn(Linear2(7, 8)(x, h))
        """,
        "core nn.RNNCell",
    ),
    "alias by the defining module": (
        """
        import torch.nn.modules.rnn as helpers
        learn(helpers.RNNCell(7, 8)(x, h))
        """,
        "core nn.RNNCell",
    ),
    "star import": (
        """
        from torch.nn import *
        learn(RNNCell(7, 8)(x, h))
        """,
        "core nn.RNNCell",
    ),
    "alias by assignment": (
        """
        Own = nn.RNNCell
        learn(Own(7, 8)(x, h))
        """,
        "core nn.RNNCell",
    ),
    "alias through a dictionary": (
        """
        tools = {"a": nn.Linear, "b": nn.RNNCell}
        cell = tools["b"](7, 8)
        learn(cell(x, h))
        """,
        "core nn.RNNCell",
    ),
    "alias through a tuple": (
        """
        _, Cell = nn.Linear, nn.RNNCell
        learn(Cell(7, 8)(x, h))
        """,
        "core nn.RNNCell",
    ),
    "getattr with a composed name": (
        """
        cell = getattr(torch.nn, "RN" + "N" + "Cell")(7, 8)
        learn(cell(x, h))
        """,
        "core nn.RNNCell",
    ),
    "getattr with a reversed name": (
        """
        learn(getattr(nn, "lleCNNR"[::-1])(7, 8)(x, h))
        """,
        "core nn.RNNCell",
    ),
    "getattr with a formatted name": (
        """
        kind = "RNN"
        learn(getattr(nn, f"{kind}Cell")(7, 8)(x, h) + getattr(nn, "{}".format(kind))(7, 8)(x)[0])
        """,
        "core nn.RNN; core nn.RNNCell",
    ),
    "attrgetter": (
        """
        import operator
        learn(operator.attrgetter("nn.RNNCell")(torch)(7, 8)(x, h))
        """,
        "core nn.RNNCell",
    ),
    "vars of the module": (
        """
        learn(vars(torch.nn)["RNNCell"](7, 8)(x, h) + nn.__dict__["RNN"](7, 8)(x)[0])
        """,
        "core nn.RNN; core nn.RNNCell",
    ),
    "import_module": (
        """
        import importlib
        learn(importlib.import_module("torch.nn").RNNCell(7, 8)(x, h))
        """,
        "core nn.RNNCell",
    ),
    "__import__": (
        """
        learn(__import__("torch.nn").nn.RNNCell(7, 8)(x, h))
        """,
        "core nn.RNNCell",
    ),
    "sys.modules": (
        """
        import sys
        learn(sys.modules["torch.nn"].RNNCell(7, 8)(x, h))
        """,
        "core nn.RNNCell",
    ),
    "exec of a constant": (
        """
        exec("cell = nn.RNNCell(7, 8)")
        learn(cell(x, h))
        """,
        "core nn.RNNCell",
    ),
    "eval of a constant": (
        """
        make = "nn." + "RNNCell"
        learn(eval(make)(7, 8)(x, h))
        """,
        "core nn.RNNCell",
    ),
    "globals": (
        """
        globals()["cell"] = nn.RNNCell(7, 8)
        learn(globals()["cell"](x, h))
        """,
        "core nn.RNNCell",
    ),
    "a magic's body": (
        """
        get_ipython().run_cell_magic("time", "", "cell = nn.RNNCell(7, 8)\\nlearn(cell(x, h))")
        """,
        "core nn.RNNCell",
    ),
    "a subclass without a forward": (
        """
        class Mine(nn.RNNCell):
            pass
        learn(Mine(7, 8)(x, h))
        """,
        "core Mine",
    ),
    "a subclass that calls super().forward": (
        """
        class Mine(torch.nn.RNNCell):
            def forward(self, x, h):
                return super().forward(x, h)
        learn(Mine(7, 8)(x, h))
        """,
        "core Mine; own Mine",
    ),
    "a subclass with its own forward on inherited parameters": (
        """
        class Mine(torch.nn.RNNCell):
            def forward(self, x, h):
                return torch.tanh(x @ self.weight_ih.T + h @ self.weight_hh.T)
        learn(Mine(7, 8)(x, h))
        """,
        "own Mine",
    ),
    "a wrapper": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = nn.RNNCell(7, 8)
            def forward(self, x, h):
                return self.inner(x, h)
        learn(Net()(x, h))
        """,
        "core nn.RNNCell; own Net",
    ),
    "a wrapper that makes the cell in forward": (
        """
        class Net(nn.Module):
            def forward(self, x, h):
                return nn.RNNCell(7, 8)(x, h)
        learn(Net()(x, h))
        """,
        "core nn.RNNCell; own Net",
    ),
    "a wrapper that is given the cell": (
        """
        class Net(nn.Module):
            def __init__(self, step):
                super().__init__()
                self.step = step
            def forward(self, x, h):
                return self.step(x, h)
        learn(Net(nn.RNNCell(7, 8))(x, h))
        learn(Net(nn.RNN(7, 8).forward)(x, h))
        """,
        "core nn.RNN; core nn.RNNCell (earlier); own Net; own Net (earlier)",
    ),
    "a plain class around it": (
        """
        class Box:
            def __init__(self): self.cell = nn.RNNCell(7, 8)
            def __call__(self, x, h): return self.cell(x, h)
        learn(Box()(x, h))
        """,
        "core nn.RNNCell",
    ),
    "__new__ gives another object": (
        """
        class Net(nn.Module):
            def __new__(cls):
                return nn.RNNCell(7, 8)
        learn(Net()(x, h))
        """,
        "core nn.RNNCell",
    ),
    "an operator does it": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.c = nn.RNNCell(7, 8)
            def __matmul__(self, other):
                return self.c(*other)
        learn(Net() @ (x, h))
        """,
        "core nn.RNNCell; own Net",
    ),
    "a property does it": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self._c = nn.RNNCell(7, 8)
            @property
            def step(self):
                return self._c
            def forward(self, x, h):
                return self.step(x, h)
        learn(Net()(x, h))
        """,
        "core nn.RNNCell; own Net",
    ),
    "__getattr__ does it": (
        """
        class Net:
            def __getattr__(self, name):
                return getattr(nn, name)
        learn(Net().RNNCell(7, 8)(x, h))
        """,
        "core nn.RNNCell",
    ),
    "a class method makes it": (
        """
        class Net(nn.Module):
            def __init__(self, cell):
                super().__init__()
                self.cell = cell
            @classmethod
            def make(cls):
                return cls(nn.RNNCell(7, 8))
            @staticmethod
            def run(cell, x, h):
                return cell(x, h)
            def forward(self, x, h):
                return Net.run(self.cell, x, h)
        learn(Net.make()(x, h))
        """,
        "core nn.RNNCell; own Net",
    ),
    "add_module": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.add_module("tool", nn.RNNCell(7, 8))
            def forward(self, x, h):
                return self._modules["tool"](x, h)
        learn(Net()(x, h))
        """,
        "core nn.RNNCell; own Net",
    ),
    "setattr and getattr": (
        """
        net = Own()
        setattr(net, "tool", nn.RNNCell(7, 8))
        learn(getattr(net, "tool")(x, h))
        """,
        "core nn.RNNCell; parameters Own",
    ),
    "a ModuleList by position": (
        """
        tools = nn.ModuleList([nn.Linear(7, 8), nn.RNNCell(7, 8)])
        learn(tools[1](x, h))
        """,
        "core nn.RNNCell",
    ),
    "a ModuleDict by key": (
        """
        tools = nn.ModuleDict({"a": nn.Linear(7, 8), "b": nn.RNNCell(7, 8)})
        learn(tools["b"](x, h))
        """,
        "core nn.RNNCell",
    ),
    "a Sequential": (
        """
        net = nn.Sequential(nn.RNN(7, 8), nn.Identity())
        learn(net(x)[0])
        """,
        "core nn.RNN",
    ),
    "children of a network": (
        """
        net = nn.Sequential(nn.RNNCell(7, 8))
        for child in net.children():
            learn(child(x, h))
        """,
        "core nn.RNNCell",
    ),
    "deepcopy": (
        """
        import copy
        cell = nn.RNNCell(7, 8)
        learn(copy.deepcopy(cell)(x, h))
        """,
        "core nn.RNNCell",
    ),
    "jit.script": (
        """
        learn(torch.jit.script(nn.RNNCell(7, 8))(x, h))
        """,
        "core nn.RNNCell",
    ),
    "compile and DataParallel": (
        """
        learn(torch.compile(nn.DataParallel(nn.RNNCell(7, 8)))(x, h))
        """,
        "core nn.RNNCell",
    ),
    "partial": (
        """
        from functools import partial
        make = partial(nn.RNNCell, 7)
        learn(partial(make(8), x)(h))
        """,
        "core nn.RNNCell",
    ),
    "map": (
        """
        cell = nn.RNNCell(7, 8)
        learn(torch.stack(list(map(lambda xt: cell(xt, h), x))))
        """,
        "core nn.RNNCell",
    ),
    "a comprehension": (
        """
        cell = nn.RNNCell(7, 8)
        learn(torch.stack([h := cell(xt, h) for xt in x]))
        """,
        "core nn.RNNCell",
    ),
    "a generator": (
        """
        cell = nn.RNNCell(7, 8)
        def states(h):
            for xt in x:
                h = cell(xt, h)
                yield h
        learn(torch.stack([*states(h)]))
        """,
        "core nn.RNNCell",
    ),
    "a closure": (
        """
        def make():
            cell = nn.RNNCell(7, 8)
            def run(x, h):
                return cell(x, h)
            return run
        learn(make()(x, h))
        """,
        "core nn.RNNCell",
    ),
    "a default argument": (
        """
        def run(x, h, cell=nn.RNNCell(7, 8)):
            return cell(x, h)
        learn(run(x, h))
        """,
        "core nn.RNNCell",
    ),
    "a function's attribute": (
        """
        def run(x, h):
            return run.cell(x, h)
        run.cell = nn.RNNCell(7, 8)
        learn(run(x, h))
        """,
        "core nn.RNNCell",
    ),
    "keyword arguments": (
        """
        def run(**tools):
            return tools["cell"](*tools["data"])
        learn(run(**{"cell": nn.RNNCell(7, 8), "data": (x, h)}))
        """,
        "core nn.RNNCell",
    ),
    "global in a function": (
        """
        def prepare():
            global cell
            cell = nn.RNNCell(7, 8)
        cell = Own()
        prepare()
        learn(cell(x, h))
        """,
        "core nn.RNNCell",
    ),
    "a decorator": (
        """
        def swap(cls):
            return nn.RNNCell
        @swap
        class Net(nn.Module):
            pass
        learn(Net(7, 8)(x, h))
        """,
        "core nn.RNNCell",
    ),
    "a context manager": (
        """
        class Use:
            def __enter__(self): return nn.RNNCell(7, 8)
            def __exit__(self, *a): pass
        with Use() as cell:
            learn(cell(x, h))
        """,
        "core nn.RNNCell",
    ),
    "match": (
        """
        match (nn.RNNCell(7, 8), 1):
            case (cell, 1):
                learn(cell(x, h))
        """,
        "core nn.RNNCell",
    ),
    "async": (
        """
        import asyncio
        async def run(cell):
            return cell(x, h)
        learn(await run(nn.RNNCell(7, 8)))
        """,
        "core nn.RNNCell",
    ),
    "a class made by type": (
        """
        Net = type("Net", (nn.RNNCell,), {})
        learn(Net(7, 8)(x, h))
        """,
        "core Net",
    ),
    "a changed class": (
        """
        cell = Own()
        cell.__class__ = nn.RNNCell
        learn(cell(x, h))
        """,
        "core nn.RNNCell",
    ),
    "a patched class": (
        """
        Own.forward = nn.RNNCell.forward
        learn(Own()(x, h))
        """,
        "core nn.RNNCell",
    ),
    "a patched object": (
        """
        ref, cell = nn.RNNCell(7, 8), Own()
        cell.forward = ref.forward
        learn(cell(x, h))
        """,
        "core nn.RNNCell",
    ),
    "a patched method": (
        """
        ref = nn.RNNCell(7, 8)
        def forward(self, x, h):
            return ref(x, h)
        Own.forward = forward
        learn(Own()(x, h))
        """,
        "core nn.RNNCell; own Own",
    ),
    "a forward hook": (
        """
        ref, cell = nn.RNNCell(7, 8), Own()
        def hook(module, args, output):
            return ref(*args)
        cell.register_forward_hook(hook)
        learn(cell(x, h))
        """,
        "core nn.RNNCell; own Own",
    ),
    "an unbound forward": (
        """
        from types import SimpleNamespace
        learn(nn.RNNCell.forward(nn.RNNCell(7, 8), x, h))
        """,
        "core nn.RNNCell",
    ),
    "an unbound forward with foreign parameters": (
        """
        learn(nn.RNNCell.forward(Own(), x, h))
        """,
        "core nn.RNNCell",
    ),
    "__call__ by name": (
        """
        learn(nn.RNNCell(7, 8).__call__(x, h))
        """,
        "core nn.RNNCell",
    ),
    "functional_call": (
        """
        from torch.func import functional_call
        ref, cell = nn.RNNCell(7, 8), Own()
        learn(functional_call(ref, dict(cell.named_parameters()), (x, h)))
        """,
        "core nn.RNNCell; parameters Own",
    ),
    "checkpoint": (
        """
        from torch.utils.checkpoint import checkpoint
        learn(checkpoint(nn.RNNCell(7, 8), x, h))
        """,
        "core nn.RNNCell",
    ),
    "torch.lstm_cell": (
        """
        ref = nn.LSTMCell(7, 8)
        w = [p.detach().clone().requires_grad_() for p in ref.parameters()]
        ht, ct = torch.lstm_cell(x, (h, c), *w)
        learn(ht)
        """,
        "functional lstm_cell",
    ),
    "torch._VF": (
        """
        from torch import _VF as functions
        w = nn.Parameter(torch.rand(8, 7))
        learn(functions.rnn_tanh_cell(x, h, w, w))
        """,
        "functional _VF.rnn_tanh_cell",
    ),
    "torch._VF by another way": (
        """
        one = torch.nn.modules.rnn._VF.rnn_relu_cell(x, h, y, y)
        learn(one + torch._C._VariableFunctions.gru_cell(x, h, y, y))
        """,
        "functional _C._VariableFunctions.gru_cell; functional _VF.rnn_relu_cell",
    ),
    "torch.ops.aten": (
        """
        learn(torch.ops.aten.rnn_tanh_cell.default(x, h, y, y))
        """,
        "functional ops.aten.rnn_tanh_cell.default",
    ),
    "a kernel in the own forward": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.w = nn.Parameter(torch.rand(32, 7))
            def forward(self, x, h, c):
                return torch.lstm_cell(x, (h, c), self.w, self.w)[0]
        learn(Net()(x, h, c))
        """,
        "functional lstm_cell; own Net",
    ),
    "parameters of a mere container": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.box = nn.RNNCell(7, 8)
            def forward(self, x, h):
                b = self.box
                return torch.tanh(x @ b.weight_ih.T + b.bias_ih + h @ b.weight_hh.T + b.bias_hh)
        learn(Net()(x, h))
        """,
        "own Net; parameters nn.RNNCell",
    ),
    "parameters of a module, without a class": (
        """
        ref = nn.LSTMCell(7, 8)
        wi, wh, bi, bh = ref.parameters()
        learn(x @ wi.T + bi + h @ wh.T)
        """,
        "parameters nn.LSTMCell",
    ),
    "a decoy beside it": (
        """
        rnncell, own = nn.RNNCell(7, 8), Own()
        learn(1e-20 * own(x, h) + rnncell(x, h))
        """,
        "core nn.RNNCell; own Own",
    ),
    "a decoy before it": (
        """
        rnncell, own = nn.RNNCell(7, 8), Own()
        for epoch in range(100):
            learn(own(x, h))
        for epoch in range(100):
            learn(rnncell(x, h))
        """,
        "core nn.RNNCell; own Own (earlier)",
    ),
    "the reference is trained first, the own cell afterwards": (
        """
        rnncell = nn.RNNCell(7, 8)
        for epoch in range(100):
            learn(rnncell(x, h))
        own = Own()
        for epoch in range(100):
            learn(own(x, h))
        """,
        "core nn.RNNCell (earlier); own Own",
    ),
    "the network of the question before is trained again": (
        """
        # %% 1-2
        rnncell = nn.RNNCell(7, 8)
        learn(rnncell(x, h))
        # %% q
        class Net(nn.Module):
            def forward(self, x): return x
        learn(rnncell(x, h))
        """,
        "core nn.RNNCell",
    ),
    "written into a tensor": (
        """
        rnncell = nn.RNNCell(7, 8)
        def fill(where, cell):
            for t in range(9):
                where[t] = cell(x[t], h)
        hidden = torch.zeros(9, 8)
        fill(hidden, rnncell)
        learn(hidden)
        """,
        "core nn.RNNCell",
    ),
    "in-place": (
        """
        rnncell = nn.RNNCell(7, 8)
        out = x * 0
        out.add_(rnncell(x, h))
        learn(out)
        """,
        "core nn.RNNCell",
    ),
    "through a named tuple": (
        """
        from collections import namedtuple
        State = namedtuple("State", "h c")
        s = State(h=nn.RNNCell(7, 8)(x, h), c=0)
        learn(s.h)
        """,
        "core nn.RNNCell",
    ),
    "through a queue": (
        """
        from collections import deque
        work = deque()
        work.append(nn.RNNCell(7, 8))
        while work:
            learn(work.popleft()(x, h))
        """,
        "core nn.RNNCell",
    ),
    "gradient by torch.autograd": (
        """
        cell = nn.RNNCell(7, 8)
        torch.autograd.backward([loss_fn(cell(x, h), y)])
        """,
        "core nn.RNNCell",
    ),
    "gradient by torch.func": (
        """
        cell = nn.RNNCell(7, 8)
        def loss(params):
            return loss_fn(torch.func.functional_call(cell, params, (x, h)), y)
        grads = torch.func.grad(loss)(dict(cell.named_parameters()))
        """,
        "core nn.RNNCell",
    ),
    "a bound backward": (
        """
        go = loss_fn(nn.RNNCell(7, 8)(x, h), y).backward
        go()
        """,
        "core nn.RNNCell",
    ),
    "a quantizable twin": (
        """
        import torch.ao.nn.quantizable as twin
        learn(twin.LSTMCell(7, 8)(x, (h, c))[0])
        """,
        "core ao.nn.quantizable.LSTMCell",
    ),
    "in one of two branches": (
        """
        cell = nn.RNNCell(7, 8) if x.sum() > 3 else Own()
        learn(cell(x, h))
        """,
        "maybe Own; maybe nn.RNNCell",
    ),
    "switched after some epochs": (
        """
        own, rnncell = Own(), nn.RNNCell(7, 8)
        for epoch in range(100):
            if epoch < 3:
                out = own(x, h)
            else:
                out = rnncell(x, h)
            learn(out)
        """,
        "core nn.RNNCell; own Own",
    ),
    "a frozen network": (
        """
        cell = nn.RNNCell(7, 8).requires_grad_(False)
        learn(cell(x, h))
        """,
        "maybe nn.RNNCell",
    ),
    "the notebook's own module by name": (
        """
        import sys, __main__
        cell = nn.RNNCell(7, 8)
        learn(__main__.cell(x, h) + sys.modules["__main__"].cell(x, h))
        """,
        "core nn.RNNCell",
    ),
    "exec by the builtins": (
        """
        __builtins__.exec("cell = nn.RNNCell(7, 8)")
        learn(cell(x, h))
        """,
        "core nn.RNNCell",
    ),
    "__getattribute__": (
        """
        class Box: pass
        box = Box()
        box.cell = nn.RNNCell(7, 8)
        learn(object.__getattribute__(box, "cell")(x, h))
        """,
        "core nn.RNNCell",
    ),
    "a descriptor": (
        """
        class Give:
            def __get__(self, owner, cls):
                return nn.RNNCell(7, 8)
        class Net(nn.Module):
            cell = Give()
            def forward(self, x, h):
                return self.cell(x, h)
        learn(Net()(x, h))
        """,
        "core nn.RNNCell; own Net",
    ),
    "a thread": (
        """
        import threading
        def train(cell):
            learn(cell(x, h))
        threading.Thread(target=train, args=(nn.RNNCell(7, 8),)).start()
        """,
        "core nn.RNNCell",
    ),
    "grad mode switched back": (
        """
        cell = nn.RNNCell(7, 8)
        with torch.no_grad():
            with torch.enable_grad():
                learn(cell(x, h))
        """,
        "core nn.RNNCell",
    ),
    # -- what cannot be told
    "a way through operator": (
        """
        import operator
        tools = {"b": nn.RNNCell(7, 8)}
        learn(operator.itemgetter("b")(tools)(x, h))
        """,
        "? unseen_code",
    ),
    "a builtin by a computed name": (
        """
        import builtins
        getattr(builtins, chr(101) + "xec")("cell = nn.RNNCell(7, 8)")
        learn(Own()(x, h))
        """,
        "own Own; ? dynamic_name",
    ),
    "an unknown script": (
        """
        get_ipython().system("python train.py")
        get_ipython().run_line_magic("run", "other.ipynb")
        learn(Own()(x, h))
        """,
        "own Own; ? opaque; ? process",
    ),
    "exec of computed text": (
        """
        exec(open("cell.py").read())
        learn(cell(x, h))
        """,
        "? dynamic_code; ? unbound_name",
    ),
    "exec of computed text in a shared cell": (
        """
        # %%
        exec(open("cell.py").read())
        # %% q
        learn(Own()(x, h))
        """,
        "own Own; ? dynamic_code",
    ),
    "a computed name": (
        """
        name = chr(82) + chr(78) * 2
        learn(getattr(nn, name)(7, 8)(x)[0])
        """,
        "? dynamic_name",
    ),
    "a loaded object": (
        """
        net = torch.load("net.pt")
        learn(net(x))
        """,
        "? loaded_object",
    ),
    "loaded values only": (
        """
        net = Own()
        net.load_state_dict(torch.load("net.pt"))
        learn(net(x, h))
        """,
        "own Own",
    ),
    "an unknown module": (
        """
        import mycells
        learn(mycells.Cell(7, 8)(x, h))
        """,
        "? unseen_code",
    ),
    "a class from an unknown module": (
        """
        from mycells import Base
        class Net(Base):
            pass
        learn(Net(7, 8)(x, h))
        """,
        "? unseen_code",
    ),
    "a training library": (
        """
        from fastai.text.all import *
        learner = Learner(None, Own(), loss_func=loss_fn)
        learner.fit(10)
        """,
        "? unseen_code",
    ),
    "patched torch": (
        """
        torch.nn.Linear = nn.RNNCell
        learn(torch.nn.Linear(7, 8)(x, h))
        """,
        "core nn.RNNCell; ? patched_library",
    ),
    "another process": (
        """
        import subprocess
        subprocess.run(["python", "train.py"])
        learn(Own()(x, h))
        """,
        "own Own; ? process",
    ),
    "subclasses of Module by search": (
        """
        cell = [k for k in nn.Module.__subclasses__() if k.__name__ == "RNNCellBase"][0]
        learn(cell(7, 8)(x, h))
        """,
        "? dynamic_name",
    ),
    "objects by search": (
        """
        import gc
        cell = gc.get_objects()[0]
        learn(cell(x, h))
        """,
        "? introspection",
    ),
    "a name nobody binds": (
        """
        learn(cell(x, h))
        """,
        "? unbound_name",
    ),
    "a cell that does not parse": (
        """
        # %% q
        for epoch in range(100)
            learn(Own()(x, h))
        # %% q
        learn(nn.RNNCell(7, 8)(x, h))
        """,
        "core nn.RNNCell; ? not_read",
    ),
}


@pytest.mark.parametrize(("code", "found"), CASES.values(), ids=CASES.keys())
def test_violation(code: str, found: str) -> None:
    assert summary(read(dedent(code))) == found
