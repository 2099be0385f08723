"""From evidence to marks: pure functions of (rubric, targets, evidence).

    values     loss inputs and variables -> probabilities of the asked shape
    witness    which run and which training count for an answer
    rules      gates and `trained`: both stories and their combination
    fit        `accuracy` and `equals`
    statement  true/false answers
    question   one question's verdict
    grade      one student's grade

Nothing here reads a file, starts a process, knows torch or the time.
"""

from grader.judge.grade import errored, failed, judge, missing

__all__ = ["errored", "failed", "judge", "missing"]
