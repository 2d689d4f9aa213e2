"""Runs a command that must not outlive the process that asked for it, even when that one dies by kill -9.

    python -I -S parent_watch.py <parent's pid> <signal at the parent's death> <user id or -> <group id or ->
        <command> …

On Linux the kernel sends the signal (PR_SET_PDEATHSIG), and this program becomes the command. Elsewhere there is no
such thing: this program stays, passes signals on, and looks five times a second whether its parent is still there. It
uses only the standard library and imports as little as it can, to start in 15 ms.
"""

import os
import signal
import sys
import time

if sys.platform == "linux":
    import ctypes

    LIBC = ctypes.CDLL(None)  # here and not below: an unprivileged user may not be able to read Python's own files

PR_SET_PDEATHSIG = 1
POLL_S = 0.2


def become(parent: int, number: int, command: list[str]) -> None:
    LIBC.prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:  # it died before the kernel was told
        sys.exit(1)
    os.execvp(command[0], command)


def stay(parent: int, number: int, command: list[str]) -> int:
    child = os.posix_spawnp(command[0], command, os.environ)
    for passed_on in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(passed_on, lambda got, frame: os.kill(child, got))
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if os.getppid() != parent:
            os.kill(child, number)
            parent = os.getppid()
        time.sleep(POLL_S)


def main() -> None:
    parent, number, user, group, *command = sys.argv[1:]
    if user != "-":
        os.setgroups([])
        os.setgid(int(group))
        os.setuid(int(user))
    if sys.platform == "linux" and not os.environ.pop("FOREVERUS_PARENT_WATCH_STAYS", None):
        become(int(parent), int(number), command)  # after setuid, which would undo it
    sys.exit(stay(int(parent), int(number), command) & 0xFF)


if __name__ == "__main__":
    main()
