"""Take away from this project's modules what Windows lacks, in a process and its children: put this folder on PYTHONPATH.

Libraries keep what they find on this machine, since their own ways on Windows cannot run here.
"""

import builtins
import os
import signal
import sys
import types
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
ROOMS = ("bench", "callbacks", "cli", "configs", "datamodules", "lightning_modules", "patois.py", "train.py")
OURS = tuple(str(PROJECT / name) for name in ROOMS)
MODULES = {"fcntl", "resource", "termios", "tty", "pty", "pwd", "grp", "syslog", "posix"}
KEPT_SIGNALS = {"SIGABRT", "SIGFPE", "SIGILL", "SIGINT", "SIGSEGV", "SIGTERM", "SIG_DFL", "SIG_IGN"}
SIGNAL_CALLS = """
alarm getitimer setitimer pause pthread_kill pthread_sigmask siginterrupt sigpending sigtimedwait sigwait sigwaitinfo
""".split()  # noqa: SIM905
OS_NAMES = """
chown chroot ctermid fchdir fchmod fchown fork forkpty fstatvfs getegid geteuid getgid getgroups getloadavg getpgid getpgrp
getpriority getresuid getsid getuid initgroups killpg lchown mkfifo mknod nice posix_fadvise posix_fallocate posix_spawn
pread preadv pwrite pwritev readv register_at_fork sched_getaffinity sched_setaffinity sched_yield sendfile setegid seteuid
setgid setgroups setpgid setpriority setsid setuid statvfs sync sysconf tcgetpgrp uname wait wait3 wait4 waitid writev
O_CLOEXEC O_DIRECTORY O_DSYNC O_NOCTTY O_NOFOLLOW O_NONBLOCK O_SYNC
""".split()  # noqa: SIM905


def _open(path, *args, **kwargs):
    if os.path.isdir(path):
        raise PermissionError(13, "Permission denied", str(path))
    return os.open(path, *args, **kwargs)


def _kill(pid, signum):
    assert signum != 0, "On Windows os.kill(pid, 0) sends Ctrl-C."
    os.kill(pid, signum)


INSTEAD = {"open": _open, "kill": _kill}


@cache
def _is_own(file):
    return file.startswith(OURS)


class _WindowsOs(types.ModuleType):
    def __getattribute__(self, name):
        if (name in OS_NAMES or name in INSTEAD) and _is_own(sys._getframe(1).f_code.co_filename):
            if name in INSTEAD:
                return INSTEAD[name]
            raise AttributeError(f"module 'os' has no attribute {name!r}")
        return super().__getattribute__(name)


class _WindowsSignal(types.ModuleType):
    def __getattribute__(self, name):
        lacks = name in SIGNAL_CALLS or (name.startswith(("SIG", "ITIMER")) and name not in KEPT_SIGNALS)
        if lacks and _is_own(sys._getframe(1).f_code.co_filename):
            raise AttributeError(f"module 'signal' has no attribute {name!r}")
        return super().__getattribute__(name)


_import = builtins.__import__


def _import_as_windows(name, globals=None, locals=None, fromlist=(), level=0):
    if name in MODULES and _is_own(str((globals or {}).get("__file__"))):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return _import(name, globals, locals, fromlist, level)


os.__class__, signal.__class__ = _WindowsOs, _WindowsSignal
builtins.__import__ = _import_as_windows
