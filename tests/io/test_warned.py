"""Warnings of libraries become flags, whichever thread they come from, and no block waits for another."""

import threading
import warnings

from echoseg.io.warned import heard


def told(flags):
    return [flag.message.rsplit(": ", 1)[-1] for flag in flags]


def test_each_warning_is_told_once_and_those_to_programmers_are_dropped():
    with heard() as flags:
        warnings.warn("odd file", stacklevel=1)
        warnings.warn("odd file", stacklevel=1)
        warnings.warn("old call", DeprecationWarning, stacklevel=1)
    assert told(flags) == ["odd file."]


def test_the_innermost_block_hears():
    with heard() as outer:
        with heard() as inner:
            warnings.warn("inside", stacklevel=1)
        warnings.warn("outside", stacklevel=1)
    assert (told(inner), told(outer)) == (["inside."], ["outside."])


def test_a_block_in_a_thread_that_is_waited_for_does_not_wait_itself():
    found = []

    def read_ahead():
        with heard() as flags:
            warnings.warn("ahead", stacklevel=1)
        found.extend(told(flags))

    with heard() as outer:
        thread = threading.Thread(target=read_ahead, daemon=True)
        thread.start()
        thread.join(timeout=20)
        assert not thread.is_alive()
    assert (found, told(outer)) == (["ahead."], [])


def test_what_was_before_is_put_back():
    before = warnings.showwarning, list(warnings.filters)
    with heard():
        pass
    assert (warnings.showwarning, list(warnings.filters)) == before
