"""What clients and frameworks leave to the garbage collector, or still call, is theirs: it fails no test of ours."""

from __future__ import annotations

import warnings

import pytest

_THEIRS = (ResourceWarning, pytest.PytestUnraisableExceptionWarning, DeprecationWarning)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    for category in _THEIRS:
        warnings.simplefilter("ignore", category)  # for the last collection, after every test
        module = "" if category.__module__ == "builtins" else "pytest."
        config.addinivalue_line("filterwarnings", f"ignore::{module}{category.__name__}")
