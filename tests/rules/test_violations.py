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
    # -- what leads out of sight, or to the observer
    "methodcaller": (
        """
        import operator
        args = (x, h, y, y)
        learn(operator.methodcaller('rnn_tanh_cell', *args)(torch))
        """,
        "functional rnn_tanh_cell",
    ),
    "methodcaller made beforehand, with a decoy": (
        """
        from operator import methodcaller
        own=Own()
        f = methodcaller('lstm_cell', x, (h, c), y, y)
        learn(f(torch)[0] + 0*own(x,h))
        """,
        "functional lstm_cell; own Own",
    ),
    "a compilation unit of text": (
        """
        f = torch.jit.CompilationUnit('def f(x): return torch.lstm_cell(x)').f
        learn(f(x) + Own()(x, h))
        """,
        "own Own; ? dynamic_code",
    ),
    "an operator by torch's registry": (
        """
        op = torch._C._jit_get_operation('aten::lstm_cell')[0]
        learn(op(x) + Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "a kernel by its private class": (
        """
        learn(torch._C._VariableFunctionsClass.rnn_tanh_cell(x, h, y, y))
        """,
        "functional _C._VariableFunctionsClass.rnn_tanh_cell",
    ),
    "a kernel by a private copy": (
        """
        learn(torch._refs.nn.functional.lstm_cell(x, h, y, y))
        """,
        "functional _refs.nn.functional.lstm_cell; ? introspection",
    ),
    "members of torch in a dictionary": (
        """
        import inspect
        learn(dict(inspect.getmembers(torch))['rnn_tanh_cell'](x, h, y, y))
        """,
        "? dynamic_name",
    ),
    "members of torch in a list": (
        """
        import inspect
        f = [v for k, v in list(inspect.getmembers(torch)) if k == 'rnn_tanh_cell'][0]
        learn(f(x, h, y, y))
        """,
        "? dynamic_name",
    ),
    "members of torch in a tuple": (
        """
        import inspect
        f = tuple(sorted(inspect.getmembers(torch)))[99][1]
        learn(f(x, h, y, y))
        """,
        "? dynamic_name",
    ),
    "torch's forward bound to an own object": (
        """
        import types
        own = Own()
        own.forward = types.MethodType(torch.nn.LSTMCell.forward, own)
        learn(own(x, h))
        """,
        "core nn.LSTMCell",
    ),
    "a function bound by __get__": (
        """
        own = Own()
        def hidden(self, x, h): return torch.lstm_cell(x, h, y, y)
        own.forward = hidden.__get__(own)
        learn(own(x, h))
        """,
        "functional lstm_cell; own Own",
    ),
    "torch's forward bound by __get__": (
        """
        own = Own()
        own.forward = nn.LSTMCell.forward.__get__(own)
        learn(own(x, h))
        """,
        "? dynamic_name",
    ),
    "the code of a forward exchanged for torch's": (
        """
        Own.forward.__code__ = torch.nn.LSTMCell.forward.__code__
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "the code of a forward exchanged": (
        """
        ref = nn.RNNCell(7, 8)
        def hidden(self, x, h): return ref(x, h)
        Own.forward.__code__ = hidden.__code__
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "the code of a forward exchanged by setattr": (
        """
        ref = nn.RNNCell(7, 8)
        def hidden(self, x, h): return ref(x, h)
        setattr(Own.forward, '__code__', hidden.__code__)
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "the code of a bound forward exchanged": (
        """
        ref = nn.RNNCell(7, 8)
        def hidden(self, x, h): return ref(x, h)
        Own().forward.__func__.__code__ = hidden.__code__
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "a hook written into its table": (
        """
        own, ref = Own(), nn.RNNCell(7, 8)
        own._forward_hooks[0] = lambda m, i, o: ref(*i)
        learn(own(x, h))
        """,
        "own Own; ? introspection",
    ),
    "a hook by update of its table": (
        """
        own, ref = Own(), nn.RNNCell(7, 8)
        own._forward_pre_hooks.update({0: lambda m, i: ref(*i)})
        learn(own(x, h))
        """,
        "own Own; ? introspection",
    ),
    "a hook table by __dict__": (
        """
        own, ref = Own(), nn.RNNCell(7, 8)
        own.__dict__['_forward_hooks'][0] = lambda m, i, o: ref(*i)
        learn(own(x, h))
        """,
        "own Own; ? introspection",
    ),
    "a hook table of a layer": (
        """
        own, ref = Own(), nn.RNNCell(7, 8)
        own.i2h._forward_hooks[0] = lambda m, i, o: ref(*i)
        learn(own(x, h))
        """,
        "own Own; ? introspection",
    ),
    "a hook table by super": (
        """
        class Net(Own):
            def __init__(self):
                super().__init__()
                super()._forward_hooks[0] = print
        learn(Net()(x, h))
        """,
        "own Net; ? introspection",
    ),
    "a hook table by self": (
        """
        class Net(Own):
            def __init__(self):
                super().__init__()
                self._forward_hooks[0] = print
        learn(Net()(x, h))
        """,
        "own Net; ? introspection",
    ),
    "a hook for all modules": (
        """
        from torch.nn.modules import module as mm
        ref = nn.RNNCell(7, 8)
        mm._global_forward_hooks[0] = lambda m, i, o: ref(*i)
        learn(Own()(x, h))
        """,
        "own Own; ? introspection; ? patched_library",
    ),
    "a hook for all modules, imported by name": (
        """
        from torch.nn.modules.module import _global_forward_hooks as g
        ref = nn.RNNCell(7, 8)
        g[0] = lambda m, i, o: ref(*i)
        learn(Own()(x, h))
        """,
        "own Own; ? introspection; ? patched_library",
    ),
    "a compiled call put on an object": (
        """
        own, ref = Own(), nn.RNNCell(7, 8)
        own._compiled_call_impl = ref
        learn(own(x, h))
        """,
        "own Own; ? introspection",
    ),
    "a class's own _call_impl": (
        """
        ref = nn.RNNCell(7, 8)
        class Net(Own):
            def _call_impl(self, *a): return ref(*a)
        learn(Net()(x, h))
        """,
        "own Net; ? introspection",
    ),
    "_call_impl put on a class": (
        """
        ref = nn.RNNCell(7, 8)
        Own._call_impl = lambda s, *a: ref(*a)
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "the grader imported": (
        """
        import grader
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "a part of the grader imported": (
        """
        from grader.probe import trainings as t
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "the grader by import_module": (
        """
        import importlib
        w = importlib.import_module('grader.probe')
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "the grader by sys.modules": (
        """
        import sys
        sys.modules['grader.probe.trainings'].x = 1
        learn(Own()(x, h))
        """,
        "own Own; ? introspection; ? patched_library",
    ),
    "a module by a computed name, changed": (
        """
        import sys
        sys.modules[chr(103) + 'rader'].x = 1
        learn(Own()(x, h))
        """,
        "own Own; ? dynamic_import",
    ),
    "modules by search": (
        """
        import sys
        for k, v in sys.modules.items():
            if k.startswith('g'): v.x = 1
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "modules copied": (
        """
        import sys
        d = dict(sys.modules)
        learn(d['torch'].lstm_cell(x, h, y))
        """,
        "? dynamic_import",
    ),
    "a module replaced": (
        """
        import sys
        sys.modules['torch.nn'] = 3
        learn(Own()(x, h))
        """,
        "own Own; ? patched_library",
    ),
    "the shell's events": (
        """
        get_ipython().events.unregister('post_run_cell', print)
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "the shell's events by another way": (
        """
        import IPython
        IPython.core.getipython.get_ipython().events.callbacks.clear()
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "the shell by its class": (
        """
        from IPython.core.interactiveshell import InteractiveShell
        InteractiveShell.instance().events.callbacks.clear()
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "the shell's events by getattr": (
        """
        getattr(get_ipython(), 'events').trigger('x')
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "a transformer of cells": (
        """
        get_ipython().ast_transformers.append(print)
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "names of the shell": (
        """
        cell = nn.RNNCell(7, 8)
        learn(get_ipython().user_ns['cell'](x, h))
        """,
        "core nn.RNNCell",
    ),
    "names pushed by the shell": (
        """
        cell = Own()
        get_ipython().push({'cell': nn.RNNCell(7, 8)})
        learn(cell(x, h))
        """,
        "core nn.RNNCell",
    ),
    "hooks of all optimizers": (
        """
        torch.optim.optimizer._global_optimizer_post_hooks.clear()
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "hook tables of an optimizer": (
        """
        opt = torch.optim.Adam(linr.parameters())
        opt._optimizer_step_pre_hooks.clear()
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "a hook for all optimizers": (
        """
        from torch.optim.optimizer import register_optimizer_step_pre_hook as r
        r(print)
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "the closure of a library's function": (
        """
        torch.Tensor.backward.__closure__[0].cell_contents
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "what a library's function wraps": (
        """
        real = torch.Tensor.backward.__wrapped__
        real(loss_fn(linr(Own()(x, h)), y))
        """,
        "? introspection",
    ),
    "the owner of a builtin": (
        """
        print.__self__.exec('1')
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "the owner of a method": (
        """
        o = torch.optim.Adam(linr.parameters()).step.__self__
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "globals of torch": (
        """
        torch.nn.Module.__call__.__globals__['_global_forward_hooks']
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "globals of torch by an own network": (
        """
        own = Own()
        own.__call__.__globals__['x'] = 1
        learn(own(x, h))
        """,
        "own Own; ? introspection",
    ),
    "files of the process": (
        """
        for fd in open('/proc/self/maps'): pass
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "files of the process by number": (
        """
        import os
        p = f'/proc/{os.getpid()}/fd'
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "files of the process, joined": (
        """
        import os
        p = os.listdir(os.path.join('/proc', 'self'))
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "files of the process, added": (
        """
        open('/pr' + 'oc/self/mem')
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "writing to a descriptor": (
        """
        import os
        os.write(3, b'x')
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "writing to a descriptor by alias": (
        """
        from os import write as w
        w(3, b'x')
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "the grader's file": (
        """
        open('../evidence.log', 'a').write('x')
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "the grader's file by its path": (
        """
        from pathlib import Path
        Path('..', 'evidence.log').write_text('x')
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "the grader's file by keyword": (
        """
        open(file='../evidence.log')
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "opening a descriptor by number": (
        """
        open(5, 'w').write('x')
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "a search through all objects": (
        """
        import gc
        for o in gc.get_objects(): pass
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "a search that is only named": (
        """
        import gc
        g = gc.get_referrers
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "a frame": (
        """
        import sys
        sys._getframe(1).f_locals
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "a frame by an error": (
        """
        try:
            1 / 0
        except Exception as e:
            f = e.__traceback__.tb_frame.f_back
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "a frame by a generator": (
        """
        g = (i for i in x)
        g.gi_frame.f_back
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "memory": (
        """
        import ctypes
        ctypes.memmove(1, 2, 3)
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "memory by star import": (
        """
        from ctypes import *
        memmove(1, 2, 3)
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "the stack": (
        """
        import inspect
        inspect.stack()[1]
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "the current frame": (
        """
        from inspect import currentframe
        currentframe()
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "the grader's objects, in a shared cell": (
        """
        # %%
        import gc
        gc.get_objects()
        # %% q
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "a kernel handed to another library": (
        """
        import numpy as np
        learn(np.vectorize(torch.rnn_tanh_cell)(x, h, y, y))
        """,
        "? unseen_code",
    ),
    "a forward handed to another library": (
        """
        import numpy as np
        ref = nn.RNNCell(7, 8)
        learn(np.vectorize(ref.forward)(x, h))
        """,
        "? unseen_code",
    ),
    "exec handed to another library": (
        """
        import numpy as np
        np.vectorize(exec)(['a = 1'])
        learn(Own()(x, h))
        """,
        "own Own; ? dynamic_code",
    ),
    "an autograd function with a kernel": (
        """
        class F(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x, h):
                return torch.rnn_tanh_cell(x, h, y, y)
            @staticmethod
            def backward(ctx, g): return g, g
        learn(F.apply(x, h))
        """,
        "functional rnn_tanh_cell",
    ),
    "an autograd function that cuts what it runs": (
        """
        ref = nn.RNNCell(7, 8)
        class F(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x, h):
                with torch.no_grad(): out = ref(x, h)
                return out.detach()
            @staticmethod
            def backward(ctx, g): return g, g
        learn(F.apply(x, h) + Own()(x, h))
        """,
        "maybe nn.RNNCell; own Own",
    ),
    "an autograd function whose backward runs a network": (
        """
        ref = nn.RNNCell(7, 8)
        class F(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x, h):
                return x * 1
            @staticmethod
            def backward(ctx, g):
                with torch.enable_grad(): ref(x, h).backward(g)
                return g, g
        f = F.apply
        learn(f(x, h) + Own()(x, h))
        """,
        "core nn.RNNCell; own Own",
    ),
    "an autograd function by another import": (
        """
        from torch.autograd.function import Function
        class F(Function):
            @staticmethod
            def forward(ctx, x, h):
                return torch.rnn_tanh_cell(x, h, y, y)
        learn(F.apply(x, h))
        """,
        "functional rnn_tanh_cell",
    ),
    "other bases": (
        """
        Own.__bases__ = (nn.RNNCell,)
        del Own.forward
        learn(Own()(x, h))
        """,
        "own Own; ? changed_class",
    ),
    "a call that cannot be followed": (
        """
        import json
        f = json.detect_encoding(x)
        learn(f(x, h))
        """,
        "? unseen_code",
    ),
    "a library's function that cannot be followed": (
        """
        import numpy as np
        f = np.frompyfunc(3)
        learn(f(x, h))
        """,
        "? unseen_code",
    ),
    "a mangled name": (
        """
        class Net(Own):
            def __init__(self):
                super().__init__()
                self.__cell = nn.RNNCell(7, 8)
        net = Net()
        learn(net._Net__cell(x, h))
        """,
        "core nn.RNNCell; parameters Net",
    ),
    "operator.getitem": (
        """
        import operator
        learn(operator.getitem(vars(torch), 'rnn_tanh_cell')(x, h, y, y))
        """,
        "functional rnn_tanh_cell",
    ),
    "itemgetter of torch's names": (
        """
        import operator
        learn(operator.itemgetter('rnn_tanh_cell')(vars(torch))(x, h, y, y))
        """,
        "? unseen_code",
    ),
    "all classes": (
        """
        k = object.__subclasses__()
        learn(Own()(x, h))
        """,
        "own Own; ? dynamic_name",
    ),
    "all classes by a tuple": (
        """
        k = ().__class__.__base__.__subclasses__()
        learn(Own()(x, h))
        """,
        "own Own; ? dynamic_name",
    ),
    "a name resolved by a library": (
        """
        import pkgutil
        learn(pkgutil.resolve_name('torch:rnn_tanh_cell')(x, h, y, y))
        """,
        "functional rnn_tanh_cell",
    ),
    "timed text": (
        """
        import timeit
        cell = nn.RNNCell(7, 8)
        timeit.timeit('learn(cell(x, h))', globals=globals(), number=1)
        """,
        "core nn.RNNCell",
    ),
    "a class patched by type": (
        """
        type.__setattr__(Own, 'forward', nn.RNNCell.forward)
        learn(Own()(x, h))
        """,
        "core nn.RNNCell",
    ),
    "an attribute taken away again": (
        """
        class Net(nn.Module):
            def forward(self, x, h): return torch.rnn_tanh_cell(x, h, y, y)
        net = Net()
        net.forward = lambda x, h: x
        delattr(net, 'forward')
        learn(net(x, h))
        """,
        "functional rnn_tanh_cell; own Net",
    ),
    "pairs that are lists": (
        """
        tools = dict([['a', nn.RNNCell(7, 8)]])
        learn(tools['a'](x, h))
        """,
        "core nn.RNNCell",
    ),
    "a class's own __getattribute__": (
        """
        class Net(Own):
            def __getattribute__(self, n): return super().__getattribute__(n)
        learn(Net()(x, h))
        """,
        "own Net; ? introspection",
    ),
    "a kernel by a private table": (
        """
        from torch.nn.modules.rnn import _rnn_impls
        learn(_rnn_impls['RNN_TANH'](x, h, y, y))
        """,
        "? introspection",
    ),
    "a star import of private names": (
        """
        from torch._C import *
        learn(parse_ir('x')(x) + Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "code written to members": (
        """
        import inspect
        for k, v in inspect.getmembers(torch):
            v.__code__ = 1
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "a kernel in a graph": (
        """
        g = torch.fx.Graph()
        out = g.call_function(torch.lstm_cell, (x, h))
        learn(out)
        """,
        "? unseen_code",
    ),
    "opening a descriptor": (
        """
        import os
        os.fdopen(4, 'w')
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "Module.__call__ replaced": (
        """
        nn.Module.__call__ = lambda s, *a: 1
        learn(Own()(x, h))
        """,
        "own Own; ? patched_library",
    ),
    "torch's names in a dictionary": (
        """
        learn(dict(vars(torch))['rnn_tanh_cell'](x, h, y, y))
        """,
        "? dynamic_name",
    ),
    "torch's names spread": (
        """
        learn({**vars(torch)}['rnn_tanh_cell'](x, h, y, y))
        """,
        "? dynamic_name",
    ),
    "the notebook's names in a dictionary": (
        """
        cell = nn.RNNCell(7, 8)
        learn(dict(globals())['cell'](x, h))
        """,
        "core nn.RNNCell",
    ),
    "a whole __dict__ assigned": (
        """
        own, ref = Own(), nn.RNNCell(7, 8)
        own.__dict__ = {**own.__dict__, 'forward': ref.forward}
        learn(own(x, h))
        """,
        "core nn.RNNCell",
    ),
    "hooks by __setstate__": (
        """
        own, ref = Own(), nn.RNNCell(7, 8)
        own.__setstate__({'_forward_hooks': {0: lambda m, i, o: ref(*i)}})
        learn(own(x, h))
        """,
        "own Own; ? introspection",
    ),
    "a compiler's backend": (
        """
        ref = nn.RNNCell(7, 8)
        def swap(gm, inputs): return ref.forward
        learn(torch.compile(Own(), backend=swap)(x, h))
        """,
        "own Own; ? introspection",
    ),
    "the shell's events by its kernel": (
        """
        get_ipython().kernel.shell.events.callbacks.clear()
        learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    # -- what goes out of sight on its way
    "a kernel as a class attribute": (
        """
        class Net(Own):
            step = torch.rnn_tanh_cell
            def forward(self, x, h): return self.step(x, h, y, y)
        learn(Net()(x, h))
        """,
        "functional rnn_tanh_cell; own Net",
    ),
    "a kernel as a static method": (
        """
        class Net(Own):
            step = staticmethod(torch.rnn_tanh_cell)
            def forward(self, x, h): return self.step(x, h, y, y)
        learn(Net()(x, h))
        """,
        "own Net; ? unseen_code",
    ),
    "torch as a class attribute": (
        """
        class Net(Own):
            t = torch
            def forward(self, x, h): return self.t.rnn_tanh_cell(x, h, y, y)
        learn(Net()(x, h))
        """,
        "functional rnn_tanh_cell; own Net",
    ),
    "a kernel as forward": (
        """
        class Net(Own):
            forward = torch.rnn_tanh_cell
        learn(Net()(x, h))
        """,
        "functional rnn_tanh_cell",
    ),
    "getattr by map": (
        """
        f = list(map(getattr, [torch], ['rnn_tanh_cell']))[0]
        learn(f(x, h, y, y))
        """,
        "? dynamic_name",
    ),
    "__getattribute__ of torch": (
        """
        learn(torch.__getattribute__('rnn_tanh_cell')(x, h, y, y))
        """,
        "? dynamic_name",
    ),
    "dict.__getitem__ of torch's names": (
        """
        learn(dict.__getitem__(vars(torch), 'rnn_tanh_cell')(x, h, y, y))
        """,
        "functional rnn_tanh_cell",
    ),
    "a chain map of torch's names": (
        """
        import collections
        learn(collections.ChainMap(vars(torch))['rnn_tanh_cell'](x, h, y, y))
        """,
        "? unseen_code",
    ),
    "a key that patches, in sorted": (
        """
        own, ref = Own(), nn.RNNCell(7, 8)
        sorted([own], key=lambda o: setattr(o, 'forward', ref.forward))
        learn(own(x, h))
        """,
        "core nn.RNNCell",
    ),
    "a key that patches, in max": (
        """
        own, ref = Own(), nn.RNNCell(7, 8)
        max([own], key=lambda o: setattr(o, 'forward', ref.forward))
        learn(own(x, h))
        """,
        "core nn.RNNCell",
    ),
    "a key that patches, in sort": (
        """
        own, ref = Own(), nn.RNNCell(7, 8)
        [own].sort(key=lambda o: setattr(o, 'forward', ref.forward))
        learn(own(x, h))
        """,
        "core nn.RNNCell",
    ),
    "setattr by starmap": (
        """
        import itertools
        own, ref = Own(), nn.RNNCell(7, 8)
        list(itertools.starmap(setattr, [(own, 'forward', ref.forward)]))
        learn(own(x, h))
        """,
        "own Own; ? dynamic_name",
    ),
    "the notebook's names by |=": (
        """
        own = Own()
        d = globals()
        d |= {'own': nn.RNNCell(7, 8)}
        learn(own(x, h))
        """,
        "core nn.RNNCell",
    ),
    "a class changed by its ancestor": (
        """
        class Base(nn.Module):
            def __init_subclass__(cls):
                cls.forward = nn.RNNCell.forward
        class Net(Base):
            def forward(self, x, h): return x
        learn(Net()(x, h))
        """,
        "core nn.RNNCell",
    ),
    "a class changed by its attribute": (
        """
        class D:
            def __set_name__(self, owner, name): owner.forward = nn.RNNCell.forward
        class Net(Own):
            d = D()
            def forward(self, x, h): return x
        learn(Net()(x, h))
        """,
        "core nn.RNNCell",
    ),
    "a class made by a metaclass": (
        """
        class M(type):
            def __new__(m, n, b, d): return super().__new__(m, n, (nn.RNNCell,), {})
        class Net(metaclass=M): pass
        learn(Net(7, 8)(x, h))
        """,
        "? dynamic_code",
    ),
    "a membership test that patches": (
        """
        ref = nn.RNNCell(7, 8)
        class B:
            def __contains__(self, o):
                Own.forward = lambda s, *a: ref(*a)
                return True
        1 in B()
        learn(Own()(x, h))
        """,
        "core nn.RNNCell; own Own",
    ),
    "a comparison that patches": (
        """
        ref = nn.RNNCell(7, 8)
        class B:
            def __eq__(self, o):
                Own.forward = lambda s, *a: ref(*a)
                return True
        B() == 1
        learn(Own()(x, h))
        """,
        "core nn.RNNCell; own Own",
    ),
    "an operator in place": (
        """
        ref = nn.RNNCell(7, 8)
        class B:
            def __iadd__(self, o): return ref(*o)
        b = B()
        b += (x, h)
        learn(b)
        """,
        "core nn.RNNCell",
    ),
    "a unary operator": (
        """
        ref = nn.RNNCell(7, 8)
        class B:
            def __neg__(self): return ref(x, h)
        learn(-B())
        """,
        "core nn.RNNCell",
    ),
    "a comparison that computes": (
        """
        ref = nn.RNNCell(7, 8)
        class B:
            def __lt__(self, o): return ref(x, h)
        learn(B() < 1)
        """,
        "core nn.RNNCell",
    ),
    "a module by its spec": (
        """
        import importlib.util, sys
        spec = importlib.util.find_spec('torch')
        t = importlib.util.module_from_spec(spec)
        learn(t.rnn_tanh_cell(x, h, y, y))
        """,
        "? dynamic_import",
    ),
    "a module by a loader": (
        """
        import importlib
        t = importlib.machinery.SourceFileLoader('torch', 'x').load_module()
        learn(t.rnn_tanh_cell(x, h, y, y) + Own()(x, h))
        """,
        "own Own; ? dynamic_import",
    ),
    "a mock": (
        """
        from unittest import mock
        ref = nn.RNNCell(7, 8)
        with mock.patch.object(Own, 'forward', lambda s, *a: ref(*a)):
            learn(Own()(x, h))
        """,
        "own Own; ? introspection",
    ),
    "a network in a context variable": (
        """
        import contextvars
        c_ = contextvars.ContextVar('c')
        c_.set(nn.RNNCell(7, 8))
        learn(c_.get()(x, h) + Own()(x, h))
        """,
        "own Own; ? unseen_code",
    ),
    "a network in a queue of a library": (
        """
        import queue
        q = queue.Queue()
        q.put(nn.RNNCell(7, 8))
        learn(q.get()(x, h) + Own()(x, h))
        """,
        "own Own; ? unseen_code",
    ),
    "a weak reference": (
        """
        import weakref
        ref = nn.RNNCell(7, 8)
        learn(weakref.ref(ref)()(x, h) + Own()(x, h))
        """,
        "core nn.RNNCell; own Own",
    ),
    "a network in a weak dictionary": (
        """
        import weakref
        ref = nn.RNNCell(7, 8)
        d = weakref.WeakValueDictionary()
        d['a'] = ref
        learn(d['a'](x, h) + Own()(x, h))
        """,
        "own Own; ? unseen_code",
    ),
    "a network in an array": (
        """
        import numpy as np
        a = np.empty(1, dtype=object)
        a[0] = nn.RNNCell(7, 8)
        learn(a[0](x, h) + Own()(x, h))
        """,
        "own Own; ? unseen_code",
    ),
    "a network on a thread's object": (
        """
        import threading
        l = threading.local()
        l.a = nn.RNNCell(7, 8)
        learn(l.a(x, h) + Own()(x, h))
        """,
        "maybe nn.RNNCell; own Own",
    ),
    "a network in a dictionary of a library": (
        """
        from collections import UserDict
        d = UserDict()
        d['a'] = nn.RNNCell(7, 8)
        learn(d['a'](x, h) + Own()(x, h))
        """,
        "own Own; ? unseen_code",
    ),
    "a network in an error": (
        """
        try:
            raise ValueError(nn.RNNCell(7, 8))
        except ValueError as e:
            learn(e.args[0](x, h) + Own()(x, h))
        """,
        "own Own; ? unseen_code",
    ),
    "a network on an own error": (
        """
        class E(Exception): pass
        try:
            e = E(); e.cell = nn.RNNCell(7, 8)
            raise e
        except E as err:
            learn(err.cell(x, h) + Own()(x, h))
        """,
        "maybe nn.RNNCell; own Own",
    ),
    "a network on a tensor": (
        """
        t = torch.rand(9, 7) * 2
        t.cell = nn.RNNCell(7, 8)
        learn(t.cell(x, h) + Own()(x, h))
        """,
        "maybe nn.RNNCell; own Own",
    ),
    "a network in an optimizer's state": (
        """
        opt = torch.optim.Adam(linr.parameters())
        opt.state['a'] = nn.RNNCell(7, 8)
        learn(opt.state['a'](x, h) + Own()(x, h))
        """,
        "own Own; ? unseen_code",
    ),
}


@pytest.mark.parametrize(("code", "found"), CASES.values(), ids=CASES.keys())
def test_violation(code: str, found: str) -> None:
    assert summary(read(dedent(code))) == found
