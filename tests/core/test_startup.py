"""The first decorated call of a process does nothing that is done only once: no import, no lock, no initialisation."""

from __future__ import annotations

import ctypes
import os
import textwrap
from pathlib import Path

import pytest

from tests.helpers.program import run_program

posix = pytest.mark.skipif(os.name != "posix", reason="fork, signals and limits of resources")

SDK = """
from voltagent import VoltAgentSDK, tool
@tool
def work(n): return {"n": n}
"""

GARBAGE = """
import gc
class Connection:
    def __init__(self): self.me = self
    def __del__(self): work(1)
gc.collect()
"""


def test_a_call_imports_nothing_of_this_package_for_any_value_or_handle(tmp_path: Path) -> None:
    code = """
    import sys, datetime
    from voltagent import trace, current, current_trace
    @trace
    def run(when, thing):
        current_trace().update(metadata={"no": ValueError("no")})
        event = current_trace().add_event(name="seen", type="x", metadata={"when": when})
        event.update(output=thing, status_message=ValueError("no"))
        current().score("good", 1)
        work({when, thing})
        raise KeyError(thing)
    with VoltAgentSDK(exporter="local"):
        before = set(sys.modules)
        try: run(datetime.datetime.now(), object())
        except KeyError: pass
        print(sorted(name for name in set(sys.modules) - before if name.startswith("voltagent.")))
    """
    ran = run_program(SDK + textwrap.dedent(code), tmp_path)
    assert (ran.stdout, ran.stderr) == ("[]\n", "")


@pytest.mark.skipif(
    os.name != "posix" or not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="the GNU C library says how much it gave"
)
@pytest.mark.parametrize("exporter", ["local", "rest"])
def test_no_call_makes_pydantic_core_allocate_what_it_keeps(tmp_path: Path, exporter: str) -> None:
    """Without memory for it, as at a limit of the address space, that aborts the process."""
    code = f"""
    import ctypes
    from pydantic_core import from_json
    class Sizes(ctypes.Structure):
        _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks mapped a b used c d".split()]
    look = ctypes.CDLL(None).mallinfo2
    look.restype = Sizes
    def allocated(): return look().used + look().mapped
    sdk = VoltAgentSDK(exporter="{exporter}", base_url="http://127.0.0.1:9", public_key="pk", secret_key="sk")
    before = allocated(); from_json('{{"key": 1, "other": "value"}}'); after = allocated()
    print((after - before) // 200_000)
    """
    ran = run_program(SDK + textwrap.dedent(code), tmp_path)
    assert (ran.stdout, ran.stderr) == ("0\n", "")


@pytest.mark.parametrize("count", [1, 300])
def test_a_finalizer_may_call_a_decorated_function_during_the_set_up(tmp_path: Path, count: int) -> None:
    code = f"""
    sdk = VoltAgentSDK(exporter="local")
    garbage = [Connection() for _ in range({count})]; del garbage
    work(1); sdk.shutdown(); print("ok", sdk.stats().pending)
    """
    ran = run_program(SDK + GARBAGE + textwrap.dedent(code), tmp_path)
    assert ran.stdout == "ok 0\n"
    assert "Traceback" not in ran.stderr  # at most the hint that a call came after the shutdown


def test_garbage_of_before_may_call_a_decorated_function_while_an_sdk_is_constructed(tmp_path: Path) -> None:
    code = """
    gc.set_threshold(1)
    garbage = [Connection() for _ in range(100)]; del garbage
    sdk = VoltAgentSDK(exporter="local"); work(1); print("ok")
    """
    ran = run_program(SDK + GARBAGE + textwrap.dedent(code), tmp_path)
    assert (ran.stdout, ran.stderr) == ("ok\n", "")


@pytest.mark.parametrize("finalizer", ["OWN.set(OWN.get() + 1)", "decimal.localcontext().__enter__()"])
def test_a_finalizer_may_set_variables_of_a_context_while_a_call_is_recorded(tmp_path: Path, finalizer: str) -> None:
    """Before Python 3.12, this frees what the call's own ``ContextVar.set`` is reading: the process crashed."""
    code = f"""
    import contextvars, decimal, gc
    OWN = contextvars.ContextVar("own", default=0)
    class Garbage:
        def __init__(self): self.me, self.more = self, [self] * 3
        def __del__(self): {finalizer}
    sdk = VoltAgentSDK(exporter="local")
    gc.set_threshold(50, 2, 2)
    for _ in range(2000): Garbage(); work(1)
    print("ok")
    """
    ran = run_program(SDK + textwrap.dedent(code), tmp_path)
    assert (ran.returncode, ran.stdout) == (0, "ok\n")


@posix
def test_what_a_handler_raises_during_a_collection_is_not_lost(tmp_path: Path) -> None:
    code = """
    import gc, signal, time
    sdk = VoltAgentSDK(exporter="local", quiet=True)
    class Reached(Exception): pass
    raised = caught = 0
    def handle(*_):
        global raised
        raised += 1
        raise Reached
    signal.signal(signal.SIGALRM, handle)
    gc.set_threshold(5, 2, 2)
    def work_until_raised(before):  # not in the `try` itself: before 3.14, it does not cover the end of a loop
        while raised == before: work([[1], [2]])
    end = time.monotonic() + 1
    while time.monotonic() < end:
        try:
            before = raised
            signal.setitimer(signal.ITIMER_REAL, 0.0003 + caught % 17 * 0.0001)
            work_until_raised(before)
        except Reached: caught += 1
    print(raised - caught, caught > 0)
    """
    ran = run_program(SDK + textwrap.dedent(code), tmp_path)
    # Python's own callback of a weak set, which runs whenever an object is freed, lets nothing out of it
    lost = ran.stderr.count("WeakSet.__init__.<locals>._remove")
    assert (ran.stdout, ran.stderr.count("Exception ignored")) == (f"{lost} True\n", lost), ran.stderr


def test_the_first_call_may_make_the_sdk_of_the_environment_among_finalizers(tmp_path: Path) -> None:
    code = """
    garbage = [Connection() for _ in range(300)]; del garbage
    gc.set_threshold(1)
    print(work(1))
    """
    ran = run_program(SDK + GARBAGE + textwrap.dedent(code), tmp_path, VOLTAGENT_EXPORTER="local")
    assert (ran.stdout, ran.stderr) == ("{'n': 1}\n", "")


@posix
@pytest.mark.parametrize("trouble", ["descriptors", "path", "modules"])
def test_a_first_call_imports_nothing(tmp_path: Path, trouble: str) -> None:
    code = """
    import os, resource, builtins
    sdk = VoltAgentSDK(exporter="local", auto_flush=False)
    held = []
    if TROUBLE == "descriptors":
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        try:
            while True: held.append(os.open("/dev/null", os.O_RDONLY))
        except OSError: pass
    elif TROUBLE == "path":
        sys.path[:] = []; sys.path_importer_cache.clear(); sys.meta_path[:] = []
    else:
        before = set(sys.modules)
    print(work(1))
    class Strange: pass
    @tool
    def fails(value): raise ValueError(value)
    try: fails(Strange())
    except ValueError: print("its own")
    if TROUBLE == "modules":
        assert set(sys.modules) == before, set(sys.modules) - before
    for one in held: os.close(one)
    print(sdk.stats().recorded)
    sys.stdout.flush(); os._exit(0)
    """
    ran = run_program(SDK + f"TROUBLE = {trouble!r}\n" + textwrap.dedent(code), tmp_path)
    assert (ran.stdout, ran.stderr) == ("{'n': 1}\nits own\n8\n", "")


@posix
def test_a_fork_during_the_first_call_leaves_a_child_that_works(tmp_path: Path) -> None:
    code = """
    import os, threading
    sdk = VoltAgentSDK(exporter="local")
    for _ in range(40):
        go = threading.Event()
        first = threading.Thread(target=lambda: (go.wait(), work(1))); first.start(); go.set()
        pid = os.fork()
        if pid == 0:
            work(2); os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        first.join()
    print("ok")
    """
    ran = run_program(SDK + textwrap.dedent(code), tmp_path, "-W", "ignore::DeprecationWarning")
    assert (ran.stdout, ran.stderr) == ("ok\n", "")


@pytest.mark.slow
@pytest.mark.parametrize("also", ["nothing", "variable of the program"])
def test_finalizers_on_cycles_do_not_free_the_context_under_a_variable(tmp_path: Path, also: str) -> None:
    code = f"""
    import contextvars
    class Connection:
        def __init__(self): self.me = self
        def __del__(self): work(1)
    variable = contextvars.ContextVar("variable")
    others = [contextvars.ContextVar(str(n)) for n in range(200)]
    for other in others: other.set(1)
    with VoltAgentSDK(exporter="local"):
        for i in range(20_000):
            Connection()
            {"variable.set(i)" if also != "nothing" else "work(i)"}
    print("ok")
    """
    ran = run_program(SDK + textwrap.dedent(code), tmp_path)
    assert (ran.stdout, ran.returncode) == ("ok\n", 0), ran.stderr


def test_no_finalizer_of_ours_speaks_at_the_end_of_the_interpreter(tmp_path: Path) -> None:
    code = """
    import builtins
    from voltagent.storage.file_lock import FileLock
    from voltagent.storage.traces.store import Store
    from pathlib import Path
    sdk = VoltAgentSDK(exporter="local"); work(1); sdk.flush()
    builtins.kept = [FileLock.acquire(Path("claimed").absolute()), Store(Path("store.db").absolute()), sdk]
    class Late:
        def __del__(self): work(1)
    builtins.kept.append(Late()); sys.modules["late"] = Late()
    """
    ran = run_program(
        f"import os; os.chdir({str(tmp_path)!r})\n" + SDK + textwrap.dedent(code), tmp_path, "-W", "error"
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_what_a_thread_keeps_in_its_context_is_freed_before_the_program_ends(tmp_path: Path) -> None:
    """A garbage collection in that thread keeps a context before Python 3.12, see ``core.context``."""
    code = """
    import contextvars, gc, threading
    kept = contextvars.ContextVar("kept")
    def write(name):
        kept.set(open(name, "w")); kept.get().write("result")
        gc.collect()
    sdk = VoltAgentSDK(exporter="local"); work(1)
    for name in "abcdefgh":
        thread = threading.Thread(target=write, args=(name,)); thread.start(); thread.join()
    sdk.shutdown()
    print(sorted(len(open(name).read()) for name in "abcdefgh"))
    """
    ran = run_program(f"import os; os.chdir({str(tmp_path)!r})\n" + SDK + textwrap.dedent(code), tmp_path)
    assert (ran.stdout, ran.stderr) == (f"{[6] * 8}\n", "")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_class_of_threads_put_in_place_of_the_usual_one_changes_nothing(tmp_path: Path, when: str) -> None:
    code = """
    import threading
    def replace():
        class Other(threading.Thread): pass
        threading.Thread = Other
    if WHEN == "before": replace()
    import voltagent
    if WHEN == "after": replace()
    sdk = voltagent.VoltAgentSDK(exporter="local")
    @voltagent.tool
    def work(value): return value
    work(1)
    report = sdk.flush()
    print(report.recorded == report.accepted > 0)
    """
    ran = run_program(f"WHEN = {when!r}\n" + textwrap.dedent(code), tmp_path)
    assert (ran.stdout, ran.stderr) == ("True\n", "")


def test_the_package_may_be_imported_while_the_class_of_threads_is_a_mock(tmp_path: Path) -> None:
    code = """
    from unittest import mock
    with mock.patch("threading.Thread"):
        import voltagent
        sdk = voltagent.VoltAgentSDK(exporter="local")
    @voltagent.tool
    def work(value): return value
    work(1)
    report = sdk.flush()
    print(report.recorded == report.accepted > 0)
    with mock.patch("threading.Thread"):
        work(2)
        print(sdk.shutdown().pending)
    """
    ran = run_program(textwrap.dedent(code), tmp_path)
    assert (ran.stdout, ran.stderr) == ("True\n0\n", "")


def test_the_sender_waits_by_locks_of_the_kind_that_there_is_when_it_starts(tmp_path: Path) -> None:
    """As greenlets need it: a lock from before they took the place of threads would stop all of them."""
    code = """
    import _thread
    import voltagent
    sdk = voltagent.VoltAgentSDK(exporter="local")
    usual, waits = _thread.allocate_lock, []
    class Lock:
        def __init__(self): self.lock = usual(); self.release = self.lock.release
        def acquire(self, *arguments, **options): waits.append(options); return self.lock.acquire(*arguments, **options)
    _thread.allocate_lock = Lock
    @voltagent.tool
    def work(value): return value
    work(1)
    report = sdk.flush()
    print(report.recorded == report.accepted > 0, any("timeout" in one for one in waits))
    """
    ran = run_program(textwrap.dedent(code), tmp_path)
    assert (ran.stdout, ran.stderr) == ("True True\n", "")


@pytest.mark.parametrize("error", ["ImportError", "OSError", "KeyError"])
def test_if_the_sdk_cannot_be_imported_one_line_says_so(tmp_path: Path, error: str) -> None:
    code = f"""
    import sys
    tries = 0
    class Broken:
        def find_spec(self, name, path=None, target=None):
            global tries
            if name == "voltagent.delivery.sender":
                tries += 1
                if tries < 3: raise {error}("reason")
    sys.meta_path.insert(0, Broken())
    import voltagent
    @voltagent.tool
    def work(value): return value
    for value in range(4): work(value)
    print(tries)
    """
    ran = run_program(code, tmp_path, VOLTAGENT_EXPORTER="local")
    reported = "voltagent: nothing is recorded, as the SDK could not be made: "
    assert (ran.stdout, ran.stderr) == ("1\n" if error == "KeyError" else "3\n", f"{reported}{error}('reason')\n")
