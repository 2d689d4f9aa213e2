"""What a page shows, as a small picture."""

import base64

from playwright.sync_api import Page

QUALITIES = range(90, 30, -5)


def shot(page: Page, most_bytes: int) -> bytes:
    """As WebP, as good as so many bytes allow; where not even the worst does, that one."""
    session, found = page.context.new_cdp_session(page), b""
    for quality in QUALITIES:
        taken = session.send("Page.captureScreenshot", {"format": "webp", "quality": quality})
        found = base64.b64decode(taken["data"])
        if len(found) <= most_bytes:
            break
    return found
