"""The box around a kernel: student code runs where it can harm nothing.

    levels      which boxes this machine can build, found out by building one; which is the strongest
    box         one box, from a command to the command that runs it inside
    bubblewrap  `full` and `userns`: namespaces, and a file system with only what a kernel needs
    landlock    `landlock`: the host's file system with everything else forbidden
    syscalls    the seccomp filter of each level
    cgroup      limits and accounts for everything in a box, where the system lets us have one
    entry       the last step inside the box before the kernel; a script of its own
    trial       what a new box has to prove from inside; a script of its own

A box that cannot be built as described is no box: the start fails, it is never made weaker.
"""
