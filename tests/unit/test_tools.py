"""What a machine lacks is said before the tests run."""

import pytest

from tests import tools

HERE = tools.Tool(("sh",), "dash", "a shell")
AWAY = tools.Tool(("no-such-program", "nor-this"), "some-package other", "something")


def test_missing_program_is_said_with_its_tests_and_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "IN_CI", False)
    lines = tools.missing((HERE, AWAY))
    assert lines == [
        "Some programs are not installed; these tests will be skipped:",
        "  no-such-program or nor-this: something",
        "To run them too: apt-get install some-package other",
    ]
    assert tools.missing((HERE,)) == []


def test_nothing_is_skipped_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "IN_CI", True)
    assert "will fail" in tools.missing((AWAY,))[0]
