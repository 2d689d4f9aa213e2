"""Chromium with a debugger on its pages only. Playwright is one of the service workers too, which then never sleep: a
newer one may wait for minutes until the older one does, which no person's browser shows."""

import contextlib
import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

from tests.browser.conftest import ARGUMENTS

PATIENCE_S = 60.0  # no test ends sooner for it: it is how long a failing one waits


class Tab:
    """Speaks the DevTools protocol with one page."""

    def __init__(self, tools: str, url: str) -> None:
        asked = urllib.request.Request(f"{tools}/json/new?{url}", method="PUT")
        with urllib.request.urlopen(asked) as answer:
            made = json.load(answer)
        self._end = f"{tools}/json/close/{made['id']}"
        self._asked = 0
        self._ways = contextlib.ExitStack()
        self._way = self._ways.enter_context(connect(made["webSocketDebuggerUrl"], max_size=None))
        self._ask("Page.enable")

    def evaluate(self, expression: str) -> Any:
        """Its value, or what its promise became; None where the page was just leaving."""
        asked = self._ask("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        return asked.get("result", {}).get("result", {}).get("value")

    def wait_until(self, expression: str) -> None:
        end = time.monotonic() + PATIENCE_S
        while not self.evaluate(expression):
            assert time.monotonic() < end, f"never: {expression}"
            time.sleep(0.05)

    def reload(self) -> None:
        self.evaluate("window.isOlder = true")
        self._ask("Page.reload")
        self.wait_until("!window.isOlder && document.readyState === 'complete'")

    def close(self) -> None:
        self._ways.close()
        urllib.request.urlopen(self._end).close()

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._asked += 1
        self._way.send(json.dumps({"id": self._asked, "method": method, "params": parameters}))
        while True:
            heard: dict[str, Any] = json.loads(self._way.recv(timeout=PATIENCE_S))
            if heard.get("id") == self._asked:
                return heard


@contextlib.contextmanager
def plain_chromium(path: str, profile: Path) -> Iterator[str]:
    """The address of its tools."""
    command = [path, "--headless=new", "--lang=en-US", "--remote-debugging-port=0", f"--user-data-dir={profile}"]
    with subprocess.Popen([*command, *ARGUMENTS, "about:blank"], stderr=subprocess.DEVNULL) as chromium:
        try:
            port = profile / "DevToolsActivePort"
            end = time.monotonic() + PATIENCE_S
            while not (port.exists() and port.read_text().strip()):
                assert time.monotonic() < end, "the browser did not start"
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port.read_text().splitlines()[0]}"
        finally:
            chromium.terminate()
