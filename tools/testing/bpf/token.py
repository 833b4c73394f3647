# SPDX-License-Identifier: GPL-2.0
"""token.py COMMAND [ARG...]: runs a command in a user namespace of its own, in which the
BPF file system at /sys/fs/bpf delegates everything to it: it can make a BPF token."""

import ctypes
import os
import socket
import sys

# The same on all architectures.
MOVE_MOUNT, FSOPEN, FSCONFIG, FSMOUNT = 429, 430, 431, 432
FSCONFIG_SET_STRING, FSCONFIG_CMD_CREATE = 1, 6
AT_FDCWD, MOVE_MOUNT_F_EMPTY_PATH = -100, 4
LIBC = ctypes.CDLL(None, use_errno=True)


def call(number, *arguments):
    result = LIBC.syscall(number, *arguments)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), f"system call {number}")
    return result


def inside(outside):
    """Whose namespace it is opens the file system; who may delegate configures it."""
    os.unshare(os.CLONE_NEWUSER | os.CLONE_NEWNS)
    outside.send(b"map")
    outside.recv(1)
    context = call(FSOPEN, b"bpf", 0)
    socket.send_fds(outside, [b"configure"], [context])
    outside.recv(1)
    mount = call(FSMOUNT, context, 0, 0)
    call(MOVE_MOUNT, mount, b"", AT_FDCWD, b"/sys/fs/bpf", MOVE_MOUNT_F_EMPTY_PATH)
    os.execvp(sys.argv[1], sys.argv[1:])


def outside(child, inside):
    inside.recv(16)
    for name, content in (("setgroups", "deny"), ("uid_map", "0 0 1"), ("gid_map", "0 0 1")):
        with open(f"/proc/{child}/{name}", "w") as file:
            file.write(content)
    inside.send(b".")
    _, (context,), _, _ = socket.recv_fds(inside, 16, 1)
    for what in ("cmds", "maps", "progs", "attachs"):
        call(FSCONFIG, context, FSCONFIG_SET_STRING, f"delegate_{what}".encode(), b"any", 0)
    call(FSCONFIG, context, FSCONFIG_CMD_CREATE, None, None, 0)
    inside.send(b".")
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main():
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        ours.close()
        inside(theirs)
    theirs.close()
    sys.exit(outside(child, ours))


main()
