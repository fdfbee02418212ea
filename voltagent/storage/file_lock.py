"""A file lock, held until its process releases it or dies in any way, which can leave a number for the next holder.

The operating system provides the lock, on a file beside the locked one, so a process killed with SIGKILL leaves no lock
behind, and no process waits for one to expire.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def lock_now(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def lock_now(descriptor: int) -> None:
        # `flock`, not `lockf`: the latter is released when this process closes any descriptor of the file, and does not
        # exclude two users in one process
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class FileLock:
    """A held lock; create it with :meth:`acquire`."""

    _descriptor = -1  # for `__del__` of an object that was never completed

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._process = os.getpid()

    @classmethod
    def acquire(cls, path: Path) -> FileLock | None:
        """Lock ``path``, without waiting; return ``None`` if another holder has it.

        Raises:
            OSError: the lock file, ``path`` plus ``.lock``, cannot be created.
        """
        path = path.with_name(f"{path.name}.lock")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)  # not inherited by child programs
        try:
            lock_now(descriptor)
            if os.path.samestat(os.fstat(descriptor), path.stat()):  # otherwise its last holder has just deleted it
                return cls(path, descriptor)
        except OSError:
            pass
        os.close(descriptor)
        return None

    def note(self, number: int) -> None:
        """Leave a number for the next holder. It is lost if the disk is full."""
        try:
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            os.write(self._descriptor, b"%020d" % number)
        except OSError:
            pass

    def noted(self) -> int | None:
        """Return the number that the last holder left."""
        try:
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            text = os.read(self._descriptor, 20)
        except OSError:
            return None
        return int(text) if len(text) == 20 and text.isdigit() else None

    def release(self, *, delete: bool = False) -> None:
        """Release the lock. In a forked child, the parent keeps its lock."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor < 0:
            return
        if delete and sys.platform != "win32" and self._process == os.getpid():
            self._delete()  # while it is held, so that no process can lock a file that is being deleted
        os.close(descriptor)
        if delete and sys.platform == "win32":
            self._delete()

    def _delete(self) -> None:
        try:
            self._path.unlink(missing_ok=True)
        except OSError:
            pass  # the folder is read-only, or on Windows another process has the file open: it stays, unlocked

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        # `close` is a default because at interpreter exit the module's globals are None
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            close(descriptor)
