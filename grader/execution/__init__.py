"""The only place where student code is started.

environment   what the kernel's process gets to see: variables, scratch folder
kernel        nbclient with an output budget and limits enforced from outside
worker        the disposable process around one kernel: `python -m grader.execution.worker`
launch        runs a RunPlan in a worker and returns the Run
evidence      reads what the probe shipped; trusts nothing in it
plan          which cells to run, first and after trouble
"""
