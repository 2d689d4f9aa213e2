"""The README's pictures, of the real page: `python -m tests.browser.pictures [NAME …]` (`make pictures`)."""

import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser.conftest import ARGUMENTS, SITE
from tests.browser.fake_cloud import FakeCloud
from tests.browser.scenes import SCENES, signed_in
from tests.browser.webp import shot
from tests.tools import BROWSER

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
MOST_BYTES = 60_000
WIDE = {"width": 1200, "height": 750}


def picture(browser: Browser, name: str) -> bytes:
    """A scene as WebP, as good as so many bytes allow."""
    scene = SCENES[name]
    asked = {"locale": "en-US", "viewport": WIDE, "color_scheme": "light", "reduced_motion": "reduce", **scene.context}
    with FakeCloud(SITE) as fake:
        context = browser.new_context(**asked)
        page = context.new_page()
        signed_in(page, fake)
        scene.play(page, fake)
        page.wait_for_timeout(300)  # what scrolls or fades has come to rest
        found = shot(page, MOST_BYTES)
        context.close()
        return found


def main(names: list[str]) -> int:
    if unknown := set(names) - set(SCENES):
        print(f"Unknown: {', '.join(sorted(unknown))}. There are: {', '.join(SCENES)}")
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER.path(), args=ARGUMENTS)
        for name in names or SCENES:
            made = picture(browser, name)
            (FOLDER / f"{name}.webp").write_bytes(made)
            print(f"{name:12} {len(made) / 1000:.0f} KB")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
