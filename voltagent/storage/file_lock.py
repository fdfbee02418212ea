"""A lock on a file: held by one process until it releases it or dies, in any way; with a number for the next holder.

The lock is the operating system's, on a file beside the locked one, so that a process killed with SIGKILL
leaves no lock behind and no process waits for one to expire.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        # `flock` and not `lockf`: that one is given up when this process closes any descriptor of the file, and does
        # not keep two users in one process apart
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class FileLock:
    """A lock that is held; :meth:`acquire` makes one."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._process = os.getpid()

    @classmethod
    def acquire(cls, path: Path) -> FileLock | None:
        """FileLock ``path``; ``None`` where another holds it.

        Raises:
            OSError: the file of the lock, ``path`` with ``.lock`` behind it, cannot be made.
        """
        path = path.with_name(f"{path.name}.lock")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)  # not inherited by programs we start
        try:
            _lock(descriptor)
            if os.path.samestat(os.fstat(descriptor), path.stat()):  # else its last holder deleted it just now
                return cls(path, descriptor)
        except OSError:
            pass
        os.close(descriptor)
        return None

    def note(self, number: int) -> None:
        """Leave a number for the next holder. It is lost where the disk is full."""
        try:
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            os.write(self._descriptor, b"%020d" % number)
        except OSError:
            pass

    def noted(self) -> int | None:
        """The number that the last holder left."""
        try:
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            text = os.read(self._descriptor, 20)
        except OSError:
            return None
        return int(text) if len(text) == 20 and text.isdigit() else None

    def release(self, *, delete: bool = False) -> None:
        """Release the lock. In a forked child this leaves the lock of the parent as it is."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor < 0:
            return
        if delete and sys.platform != "win32" and self._process == os.getpid():
            self._delete()  # while it is held: no process can lock the file that goes away
        os.close(descriptor)
        if delete and sys.platform == "win32":
            self._delete()

    def _delete(self) -> None:
        try:
            self._path.unlink(missing_ok=True)
        except OSError:
            pass  # the folder is not ours to write, or on Windows another process has it open: it stays, unlocked

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        # `close` is a default as the module's names may be gone: at the end of the interpreter they are None
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            close(descriptor)
