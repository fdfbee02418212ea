"""gevent, which puts greenlets in place of threads, before this library is imported or at any time after it.

Its look-ups of names need a thread, which cannot start while the interpreter ends (3.12).
"""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tests.helpers.program import run_program, run_script
from tests.helpers.server import Server

pytest.importorskip("gevent")

WORK = """
import voltagent

@voltagent.agent
def answer(question):
    return question
"""
REPLACE = """
import warnings
warnings.simplefilter("ignore")  # about late replacement
from gevent import monkey
monkey.patch_all({options})
"""
CHECK = """
report = sdk.flush(timeout=20)
print(report.recorded == report.accepted, report.accepted)
"""


def _sent(code: str, folder: Path, *, forks: bool = False) -> tuple[str, int]:
    """What a program wrote, and how many traces a server got from it.

    One that forks runs without `faulthandler.dump_traceback_later`, beside which gevent hangs in a child by itself.
    """
    with Server() as server:
        url = server.url.replace("127.0.0.1", "localhost")
        run = run_script if forks else run_program
        done = run(code, folder, VOLTAGENT_BASE_URL=url, VOLTAGENT_PUBLIC_KEY="pk", VOLTAGENT_SECRET_KEY="sk")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout, [request.line for request in server.requests].count("POST /history")


@pytest.mark.parametrize("options", ["", "thread=False"])
def test_what_a_short_program_records_is_sent_at_its_end(tmp_path: Path, options: str) -> None:
    code = REPLACE.format(options=options) + WORK + "for number in range(3): answer(number)\n"
    assert _sent(code, tmp_path) == ("", 3)


@pytest.mark.parametrize("end", ["", CHECK, "print(sdk.shutdown(timeout=20).pending)"])
def test_threads_may_be_replaced_after_the_sdk_was_made(tmp_path: Path, end: str) -> None:
    work = """
    sdk = voltagent.VoltAgentSDK()
    REPLACE
    from gevent.pool import Pool
    print(Pool(8).map(answer, range(20)) == list(range(20)))
    """
    code = WORK + textwrap.dedent(work).replace("REPLACE", REPLACE.format(options="")) + end
    written, traces = _sent(code, tmp_path)
    assert written.startswith("True\n")
    assert traces == 20
    assert written[5:] in ("", "True 160\n", "True 80\n", "0\n")


def test_threads_may_be_replaced_while_one_sends(tmp_path: Path) -> None:
    work = """
    sdk = voltagent.VoltAgentSDK()
    answer("before")
    """
    code = WORK + textwrap.dedent(work) + REPLACE.format(options="") + "answer('after')\n" + CHECK
    written, traces = _sent(code, tmp_path)
    assert written.startswith("True")
    assert traces == 2


IMPORTING = """
import _thread, sys
never, imported = _thread.allocate_lock(), []
never.acquire()
class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        imported.append(name)
        if name == "pprint":  # which gevent imports for each thread that waits, and we in advance
            never.acquire(timeout=0.5)  # so that the other thread gets to the same import
"""


def test_two_threads_may_wait_for_the_first_time_at_once_after_threads_were_replaced(tmp_path: Path) -> None:
    work = """
    sdk = voltagent.VoltAgentSDK()
    answer("before")
    REPLACE
    sys.meta_path.insert(0, Finder)
    sys.modules.pop("pprint", None)
    answer("after")
    """
    code = WORK + IMPORTING + textwrap.dedent(work).replace("REPLACE", REPLACE.format(options="")) + CHECK
    written, traces = _sent(code, tmp_path)
    assert written.startswith("True")
    assert traces == 2


def test_what_waits_after_threads_were_replaced_has_nothing_to_import(tmp_path: Path) -> None:
    work = """
    sdk = voltagent.VoltAgentSDK()
    REPLACE
    import gevent
    sys.meta_path.insert(0, Finder)
    gevent.get_hub()
    print(imported)
    """
    code = WORK + IMPORTING + textwrap.dedent(work).replace("REPLACE", REPLACE.format(options=""))
    assert _sent(code, tmp_path) == ("[]\n", 0)


def test_a_greenlet_that_goes_on_in_a_forked_child_ends_there_without_a_word(tmp_path: Path) -> None:
    work = """
    import gevent, os, sys
    answer("parent")
    gevent.sleep(0.1)
    child = os.fork()
    if not child:
        gevent.joinall([gevent.spawn(answer, number) for number in range(3)])
        sys.exit(0)
    assert os.waitpid(child, 0)[1] == 0
    """
    assert _sent(REPLACE.format(options="") + WORK + textwrap.dedent(work), tmp_path, forks=True) == ("", 4)


def test_a_program_may_kill_all_greenlets_and_goes_on(tmp_path: Path) -> None:
    work = """
    import gc, gevent
    sdk = voltagent.VoltAgentSDK()
    answer("before")
    gevent.sleep(0.05)
    gevent.killall([one for one in gc.get_objects() if isinstance(one, gevent.Greenlet)], timeout=20)
    print(len([one for one in gc.get_objects() if isinstance(one, gevent.Greenlet) and not one.dead]))
    answer("after")
    """
    written, traces = _sent(REPLACE.format(options="") + WORK + textwrap.dedent(work) + CHECK, tmp_path)
    assert written.startswith("0\nTrue ")
    assert traces == 2
