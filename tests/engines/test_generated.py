"""What is made once, when it pays: by one thread, while the others go on without."""

from __future__ import annotations

from threading import Event, Thread

import pytest
from numba import config

from senescape.engines.generated import Late

pytestmark = pytest.mark.skipif(config.DISABLE_JIT, reason="plain Python makes nothing, ever")


def test_one_thread_makes_it_and_the_others_do_not_wait() -> None:
    begun, go_on, calls = Event(), Event(), []

    def make() -> str:
        calls.append(1)
        begun.set()
        assert go_on.wait(10.0)
        return "kernel"

    late = Late(make)
    assert late.get(False) is None and not calls
    first = Thread(target=late.get, args=(True,))
    first.start()
    assert begun.wait(10.0)
    assert late.get(True) is None
    go_on.set()
    first.join()
    assert late.get(False) == late.get(True) == "kernel" and calls == [1]


def test_what_fails_may_be_tried_again() -> None:
    results: list[Exception | str] = [MemoryError(), "kernel"]

    def make() -> str:
        found = results.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    late = Late(make)
    with pytest.raises(MemoryError):
        late.get(True)
    assert late.get(True) == "kernel"
