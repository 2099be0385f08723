"""The only place where student code is started.

sandbox       the box around a kernel, in four levels
environment   the kernel's variables, and matplotlib's list of fonts
handover      the open files that pass between worker and kernel at the start
kernel        nbclient with an output budget and limits enforced from outside
worker        the disposable process around one kernel: `python -m grader.execution.worker`
launch        runs a RunPlan in a worker and returns the Run
evidence      reads what the probe shipped; trusts nothing in it
plan          which cells to run, first and after trouble
"""
