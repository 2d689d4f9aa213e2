"""The pictures of the page that is shown who is signed out: `python -m tests.browser.welcome` writes them into
frontend/public/, for each language and theme (build the page before, and after)."""

import sys
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.conftest import ARGUMENTS, SITE
from tests.browser.fake_cloud import FakeCloud, instant
from tests.browser.webp import shot
from tests.tools import BROWSER

FOLDER = Path(__file__).parents[2] / "frontend" / "public"
MOST_BYTES = 40_000
SIZE = {"width": 1100, "height": 688}
ENGLISH = (
    ("Essay on Machado de Assis", "Limits and continuity", "Why is the sky blue?"),
    "Why is the sky blue, and why is it red in the evening?",
    "Sunlight has **all colours**. Air scatters blue light about four times as much as red light:\n\n"
    "1. by day blue comes from everywhere,\n2. in the evening the way through the air is long, and red is left.",
)
PORTUGUESE = (
    ("Redação sobre Machado de Assis", "Limites e continuidade", "Por que o céu é azul?"),
    "Por que o céu é azul, e por que fica vermelho à tarde?",
    "A luz do sol tem **todas as cores**. O ar espalha a luz azul umas quatro vezes mais que a vermelha:\n\n"
    "1. de dia, o azul vem de todos os lados;\n2. à tarde, o caminho pelo ar é longo, e sobra o vermelho.",
)
WORDS = {"en": ("en-US", "Sign in", ENGLISH), "pt": ("pt-BR", "Entrar", PORTUGUESE)}


def picture(browser: Browser, language: str, theme: str) -> bytes:
    """A GPU is on, and a question is answered: as good a WebP as so many bytes allow."""
    locale, sign_in, (titles, question, answer) = WORDS[language]
    with FakeCloud(SITE) as fake:
        *_, open_one = fake.have_conversations(*titles)
        fake.accept(open_one, {"content": question}, "sky")
        fake.messages[open_one][-1].update(
            content=answer, status="answered", finish_reason="stop", session_id="ses", answered_at=instant()
        )
        session = fake.start_session()[1]
        instance = {"id": "i-1", "type": "g6.xlarge", "availability_zone": "us-east-1a", "lifecycle": "spot"}
        fake.set_session(
            session["id"], status="serving", instance=instance, launched_at=instant(-12), healthy_at=instant(-7)
        )
        context = browser.new_context(locale=locale, viewport=SIZE, color_scheme=theme, reduced_motion="reduce")
        page = context.new_page()
        page.goto(f"{fake.url}/#c={open_one}")
        page.get_by_role("button", name=sign_in).click()
        expect(page.locator(".answer ol")).to_be_visible()
        page.wait_for_timeout(500)  # what scrolls or fades has come to rest
        found = shot(page, MOST_BYTES)
        context.close()
        return found


def main() -> int:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER.path(), args=ARGUMENTS)
        for language in WORDS:
            for theme in ("light", "dark"):
                made = picture(browser, language, theme)
                (FOLDER / f"welcome-{language}-{theme}.webp").write_bytes(made)
                print(f"{language} {theme}: {len(made) / 1000:.0f} KB")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
