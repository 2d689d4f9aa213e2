"""The programs that some tests need besides what `make install` brings. `python -m tests.tools` says which are missing.

Where CI is set nothing is skipped: what is missing fails there.
"""

import os
import shutil
import sys
from dataclasses import dataclass

IN_CI = bool(os.environ.get("CI"))


@dataclass(frozen=True)
class Tool:
    names: tuple[str, ...]  # any of them will do
    package: str  # of Debian and Ubuntu
    tests: str

    def path(self) -> str | None:
        return next((found for name in self.names if (found := shutil.which(name))), None)


BROWSER = Tool(
    ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome"),
    "chromium",
    "the page in a browser",
)
TOOLS = (
    BROWSER,
    Tool(("systemd-nspawn",), "systemd systemd-container", "the instance's own timer, booted for real"),
    Tool(("systemd-analyze",), "systemd", "the instance's units"),
    Tool(("cloud-init",), "cloud-init", "the instance's user data"),
)


def missing(tools: tuple[Tool, ...] = TOOLS) -> list[str]:
    """Lines for people; empty where every test can run."""
    absent = [tool for tool in tools if tool.path() is None]
    if not absent:
        return []
    packages = dict.fromkeys(package for tool in absent for package in tool.package.split())
    what = "will fail (CI is set)" if IN_CI else "will be skipped"
    return [
        f"Some programs are not installed; these tests {what}:",
        *(f"  {' or '.join(tool.names[:2])}: {tool.tests}" for tool in absent),
        f"To run them too: apt-get install {' '.join(packages)}",
    ]


if __name__ == "__main__":
    print("\n".join(missing()), file=sys.stderr, end="\n" if missing() else "")
