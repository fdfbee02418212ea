"""A file lock, held until its process releases it or dies in any way, which can leave a number for the next holder.

The operating system provides the lock, on a file beside the locked one, so a process killed with SIGKILL leaves no lock
behind, and no process waits for one to expire.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from voltagent.core.process.descriptors import Identity, identity, identity_of, moved_up

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
    """A held lock; create it with :meth:`acquire`.

    A program that closes all descriptors releases it. It is taken again when it is next used, if no other has it then.
    """

    _descriptor = -1
    _identity: Identity | None = None

    def __init__(self, name: str) -> None:
        self._name = name
        self._process = os.getpid()

    @classmethod
    def acquire(cls, path: Path) -> FileLock | None:
        """Lock ``path``, without waiting; return ``None`` if another holder has it.

        Raises:
            OSError: the lock file, ``path`` plus ``.lock``, cannot be created.
        """
        lock = cls(f"{path}.lock")
        return lock if lock._take() else None

    def _take(self) -> bool:
        """Open and lock the file; return whether no other holder has it."""
        descriptor = moved_up(os.open(self._name, os.O_RDWR | os.O_CREAT, 0o600))  # not inherited by child programs
        self._identity = identity(descriptor)
        self._descriptor = descriptor  # before it is locked: an interrupt leaves it to the end of this object
        try:
            lock_now(descriptor)
            if self._identity is not None and self._identity == identity_of(self._name):
                return True  # otherwise its last holder has just deleted it
        except OSError:
            pass
        os.close(descriptor)
        self._descriptor = -1
        return False

    def held(self) -> int:
        """Return the descriptor, of a lock that is taken again if need be; -1 if that is not possible."""
        descriptor = self._descriptor
        try:
            status = os.fstat(descriptor)
            is_ours = (status.st_dev, status.st_ino) == self._identity
        except OSError:
            is_ours = False
        if not is_ours and descriptor >= 0:
            self._descriptor = -1  # closed, or the program's
            with suppress(OSError):
                if self._identity == identity_of(self._name):  # else it was deleted
                    self._take()
        return self._descriptor

    def is_held(self) -> bool:
        """Return whether the lock is held, and its file is where others look for it."""
        return self.held() >= 0 and identity_of(self._name) == self._identity

    def note(self, number: int) -> None:
        """Leave a number for the next holder. It is lost if the disk is full."""
        descriptor = self.held()
        try:
            os.lseek(descriptor, 0, os.SEEK_SET)
            os.write(descriptor, b"%020d" % number)
        except OSError:
            pass

    def noted(self) -> int | None:
        """Return the number that the last holder left."""
        descriptor = self.held()
        try:
            os.lseek(descriptor, 0, os.SEEK_SET)
            text = os.read(descriptor, 20)
        except OSError:
            return None
        return int(text) if len(text) == 20 and text.isdigit() else None

    def release(self, *, delete: bool = False) -> None:
        """Release the lock. In a forked child, the parent keeps its lock. After an interrupt it may be repeated."""
        descriptor = self.held()
        if descriptor < 0:
            return
        if delete and sys.platform != "win32" and self._process == os.getpid():
            self._delete()  # while it is held, so that no process can lock a file that is being deleted
        os.close(descriptor)
        self._descriptor = -1  # last: closing it again does nothing, and nothing else would close it
        if delete and sys.platform == "win32":
            self._delete()

    def _delete(self) -> None:
        if identity_of(self._name) != self._identity:
            return  # it is another holder's: an interrupt came after it was deleted
        try:
            os.unlink(self._name)  # noqa: PTH108 - around every batch of the spool: a method of a path takes more calls
        except OSError:
            pass  # the folder is read-only, or on Windows another process has the file open: it stays, unlocked

    def __del__(
        self, close: Callable[[int], None] = os.close, identity: Callable[[int], Identity | None] = identity
    ) -> None:
        # defaults because at interpreter exit the module's globals are None
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0 and identity(descriptor) == self._identity:
            close(descriptor)
