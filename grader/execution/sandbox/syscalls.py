"""The seccomp filter of each level, as the program that the system loads.

Everything is allowed but what is listed. In a box of namespaces that is what reaches for other
namespaces, for the system as a whole or for rarely used, often broken parts of the system; under
Landlock, also what Landlock does not look at: sockets, ownership and modes of files, other
processes' settings. A rule that cannot be added raises, so that no box gets a filter with a hole.
"""

from __future__ import annotations

import errno
import os
import platform
import socket
from typing import Any

# A system call's number is used where the name is younger than the oldest supported libseccomp: from
# 424 on the numbers are the same on every processor.
_MOUNTS: tuple[str | int, ...] = (
    *("mount", "umount2", "pivot_root", "chroot", "swapon", "swapoff", "quotactl", "acct"),
    *range(428, 434),  # open_tree, move_mount, fsopen, fsconfig, fsmount, fspick
    442,  # mount_setattr
    443,  # quotactl_fd
    467,  # open_tree_attr
)
_SYSTEM: tuple[str | int, ...] = (
    *("reboot", "kexec_load", "kexec_file_load", "syslog", "vhangup"),
    *("init_module", "finit_module", "delete_module"),
    *("settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "sethostname", "setdomainname"),
    *("bpf", "perf_event_open", "userfaultfd", "fanotify_init", "open_by_handle_at", "lookup_dcookie"),
    *("add_key", "request_key", "keyctl"),
    *range(425, 428),  # io_uring: files and sockets past every filter
)
_PROCESSES: tuple[str | int, ...] = (
    *("unshare", "setns", "ptrace", "process_vm_readv", "process_vm_writev", "kcmp"),
    438,  # pidfd_getfd
    440,  # process_madvise
)
_PROCESSORS = ("x86_64", "aarch64")  # where clone's first argument holds the flags
_X86 = ("ioperm", "iopl", "modify_ldt")
_NAMESPACES = 0x7E020000  # CLONE_NEW*: user, pid, net, ipc, uts, cgroup, mount
_CLONE3 = 435
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C  # type into the terminal that the grader was started from
_FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)

# -- Landlock only --
_SOCKETS = ("connect", "bind", "listen")
_FOREIGN: tuple[str | int, ...] = (
    *("setpriority", "ioprio_set", "shmget", "shmat", "msgget", "semget", "mq_open"),
    *("chown", "lchown", "fchown", "fchownat", "setxattr", "lsetxattr", "fsetxattr"),
    *("removexattr", "lremovexattr", "fremovexattr"),
    463,  # setxattrat
    466,  # removexattrat
    469,  # file_setattr
)
# Told to have worked: copying a file sets its mode, and every program takes that for granted.
_PRETENDED: tuple[str | int, ...] = (
    *("chmod", "fchmod", "fchmodat", "utime", "utimes", "futimesat", "utimensat"),
    452,  # fchmodat2
)
_FAST_OPEN = 0x20000000  # MSG_FASTOPEN connects without connect()
_SENDS = (("sendto", 3), ("sendmsg", 2), ("sendmmsg", 3))


def program(level: str) -> bytes:
    """The filter of a level as BPF.

    Raises OSError or RuntimeError if libseccomp is missing, or a rule cannot be added.
    """
    # Here, not above: it looks for libseccomp at once, and a machine may lack that.
    import pyseccomp as seccomp  # type: ignore[import-untyped]

    if platform.machine() not in _PROCESSORS:
        raise RuntimeError(f"no filter has been written for {platform.machine()} processors")
    chosen = seccomp.SyscallFilter(seccomp.ALLOW)
    arg = seccomp.Arg
    denied = seccomp.ERRNO(errno.EPERM)

    def deny(calls: tuple[str | int, ...], action: int = denied) -> None:
        for call in calls:
            chosen.add_rule(action, call)

    deny((*_MOUNTS, *_SYSTEM, *_PROCESSES, *_X86))
    deny((_CLONE3,), seccomp.ERRNO(errno.ENOSYS))  # its flags cannot be looked at; libc then takes clone
    for bit in (1 << shift for shift in range(32) if _NAMESPACES >> shift & 1):
        chosen.add_rule(denied, "clone", arg(0, seccomp.MASKED_EQ, bit, bit))
    for request in (_TIOCSTI, _TIOCLINUX):
        chosen.add_rule(denied, "ioctl", arg(1, seccomp.MASKED_EQ, 0xFFFFFFFF, request))
    for family in sorted(set(range(max(_FAMILIES))) - set(_FAMILIES)):
        chosen.add_rule(denied, "socket", arg(0, seccomp.EQ, family))
    chosen.add_rule(denied, "socket", arg(0, seccomp.GT, max(_FAMILIES)))
    chosen.add_rule(denied, "socket", arg(0, seccomp.EQ, socket.AF_NETLINK), arg(2, seccomp.NE, 0))
    if level == "landlock":
        # Refused as by a firewall: that is what ipykernel expects may happen to a port.
        deny(_SOCKETS, seccomp.ERRNO(errno.EACCES))
        deny(_FOREIGN)
        deny(_PRETENDED, seccomp.ERRNO(0))
        chosen.add_rule(denied, "prlimit64", arg(0, seccomp.NE, 0))
        # A datagram can be sent to an address without connect(). libzmq, which asks for the names of
        # interfaces by such a socket, can do without one that the system does not know.
        unknown = seccomp.ERRNO(errno.EOPNOTSUPP)
        for kind in range(2, 16):
            chosen.add_rule(unknown, "socket", arg(1, seccomp.MASKED_EQ, 0xF, kind))
        chosen.add_rule(unknown, "socketpair", arg(1, seccomp.MASKED_EQ, 0xF, int(socket.SOCK_DGRAM)))
        chosen.add_rule(denied, "socket", arg(2, seccomp.GT, socket.IPPROTO_TCP))
        for call, flags in _SENDS:
            chosen.add_rule(denied, call, arg(flags, seccomp.MASKED_EQ, _FAST_OPEN, _FAST_OPEN))
    return _exported(chosen)


def _exported(chosen: Any) -> bytes:
    file = os.memfd_create("filter")
    try:
        with os.fdopen(os.dup(file), "r+b") as out:
            chosen.export_bpf(out)
        size = os.lseek(file, 0, os.SEEK_END)
        return os.pread(file, size, 0)
    finally:
        os.close(file)
