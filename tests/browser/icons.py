"""The page's icons as pictures, made of frontend/icon.svg in Chromium.

python -m tests.browser.icons    writes them into frontend/public/
"""

from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.tools import BROWSER

FRONTEND = Path(__file__).parents[2] / "frontend"
# File: its edge in pixels, and how round its corners are. Systems cut a maskable one and Apple's themselves.
ICONS = {
    "icon-192.png": (192, 0.22),
    "icon-512.png": (512, 0.22),
    "icon-maskable-512.png": (512, 0),
    "icon-180.png": (180, 0),
}


def main() -> None:
    picture = (FRONTEND / "icon.svg").read_text(encoding="utf-8")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=BROWSER.path(), args=["--no-sandbox"])
        for name, (edge, roundness) in ICONS.items():
            page = chromium.new_page(viewport={"width": edge, "height": edge})
            style = f"width:{edge}px;height:{edge}px;overflow:hidden;border-radius:{roundness * edge}px"
            page.set_content(f'<body style="margin:0"><div style="{style}">{picture}</div></body>')
            page.screenshot(path=FRONTEND / "public" / name, omit_background=True)
            page.close()
        chromium.close()


if __name__ == "__main__":
    main()
