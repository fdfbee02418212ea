"""Descriptors of this package, which the program may close although it did not open them.

Daemons close all descriptors (``os.closerange(3, 256)``), and a wrong number can be closed by mistake. Files that the
program opens afterwards get these numbers, the lowest free ones first. So before a descriptor that was kept is used or
closed, the identity of the file behind it is compared. Those of SQLite and of locks have numbers that the program does
not get before it has hundreds of files open.
"""

from __future__ import annotations

import _socket  # not `socket`, which tests and gevent patch
import os
import sys
from array import array
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Final, TypeAlias

Identity: TypeAlias = tuple[int, int]  # device and inode

_LOWEST: Final = 500  # below 1024, the bound of `select`, for what other threads open at the same time
_PER_MESSAGE: Final = 250  # Linux passes 253 descriptors at most

if sys.platform == "win32":

    def moved_up(number: int) -> int:
        """Return the descriptor itself: the numbers of Windows are not limited like those of POSIX."""
        return number

    def _lowest(_: int) -> int:
        return 0

    def stand_in(_: int) -> bool:
        """Return false: not needed on Windows, where no descriptors are listed."""
        return False
else:
    import fcntl
    import resource

    def moved_up(number: int) -> int:
        """Return the same open file under a high number, not inherited by programs, and close this one."""
        try:
            high = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, _LOWEST)
        except OSError:  # above the limit
            return number
        os.close(number)
        return high

    def _limit() -> int:
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return sys.maxsize if limit == resource.RLIM_INFINITY else limit

    def _lowest(count: int) -> int:
        """Return the lowest number to give to SQLite while ``count`` descriptors are open; 0 for any."""
        limit = _limit()
        return min(_LOWEST, limit // 2) if count < limit // 4 else 0

    def stand_in(number: int) -> bool:
        """Open a file that cannot be written under a number that was closed; return whether it was still free."""
        null = os.open(os.devnull, os.O_RDONLY)
        if null == number:
            return True
        try:
            found = fcntl.fcntl(null, fcntl.F_DUPFD_CLOEXEC, number)  # this number if it is free, else a higher one
        finally:
            os.close(null)
        if found != number:
            os.close(found)
        return found == number


def identity(number: int, fstat: Callable[[int], os.stat_result] = os.fstat) -> Identity | None:
    """Return what is open under a number; ``None`` if nothing is."""
    # `fstat` is a default because finalizers ask at interpreter exit, when the module's globals are None
    try:
        status = fstat(number)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def identity_of(path: str | os.PathLike[str]) -> Identity | None:
    """Return device and inode of a file: they differ if it was deleted and created anew; ``None`` if it is missing."""
    try:
        status = os.stat(path)  # noqa: PTH116 - before every batch: a method of a path takes three calls
    except OSError:
        return None
    return status.st_dev, status.st_ino


def numbers() -> set[int]:
    """Return the numbers of the open descriptors; none where the system does not list them."""
    try:
        listed = set(map(int, os.listdir("/dev/fd")))  # noqa: PTH208 - a path for each would be made
    except OSError:
        return set()
    return {number for number in listed if identity(number) is not None}  # one of them was that of the folder


@contextmanager
def high_numbers(opened: set[int]) -> Generator[None, None, None]:
    """Let all files that are opened meanwhile get high numbers, by holding the low ones, if that is possible.

    Args:
        opened: the numbers of the open descriptors. If they are many, or not known, this does nothing.
    """
    held = array("i")
    try:
        with suppress(OSError):  # no more can be opened, or no pair of sockets
            _hold(held, _lowest(len(opened)) if opened else 0)
        yield
    finally:
        _close(held)


def _hold(held: array[int], end: int) -> None:
    """Open the free numbers below the end.

    They are received in messages, hundreds in one call: each call by itself would let another thread take the
    interpreter's lock, for milliseconds.
    """
    if end <= 0:
        return
    sender, receiver = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        held.append(os.open(os.devnull, os.O_RDONLY | os.O_NONBLOCK))
        _receive(sender, receiver, held, end)
    finally:
        sender.close()
        receiver.close()
    held.extend((os.dup(held[0]), os.dup(held[0])))  # the numbers of the pair


def _receive(sender: _socket.socket, receiver: _socket.socket, held: array[int], end: int) -> None:
    space = _socket.CMSG_SPACE(_PER_MESSAGE * held.itemsize)
    while (left := end - max(held) - 1) > 0:
        passed = array("i", [held[0]] * min(left, _PER_MESSAGE))
        sender.sendmsg([b"."], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, passed)])
        received = receiver.recvmsg(1, space, getattr(_socket, "MSG_CMSG_CLOEXEC", 0))[1]
        if not received:  # no more can be opened
            break
        held.frombytes(received[0][2])


def _close(held: array[int]) -> None:
    """Close them, whole ranges at a time, but nothing in between, which is not ours."""
    ranges: list[list[int]] = []
    for number in sorted(held):
        if not _is_held(number):
            continue
        if ranges and number == ranges[-1][1]:
            ranges[-1][1] += 1
        else:
            ranges.append([number, number + 1])
    for first, end in ranges:
        os.closerange(first, end)


def _is_held(number: int) -> bool:
    """Return whether the number is still that of our file, and not one of the program's, which closed it meanwhile.

    Only this question is answered without letting another thread run, which could close and open others until the end.
    """
    try:
        return not os.get_blocking(number)
    except OSError:
        return False
