"""A key that a person makes on the page opens the real API; the page against the laptop's whole cloud."""

import openai
import pytest
from playwright.sync_api import Page, expect

from local.cloud import Cloud
from tests.browser.test_main_job import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.cloud]


def test_a_key_of_the_page_opens_the_api(page: Page, cloud: Cloud) -> None:
    sign_in(page, cloud)
    page.get_by_role("link", name="Keys", exact=True).click()
    page.get_by_label("What it is for").fill("café no laptop")
    page.get_by_label("Expires").select_option(label="in 30 days")
    page.get_by_role("button", name="Create key").click()
    secret = page.get_by_label("The key", exact=True).input_value()
    with openai.OpenAI(base_url=cloud.outputs["api_url"], api_key=secret, max_retries=0) as client:
        assert client.models.list().data

    page.reload()
    row = page.get_by_role("listitem").filter(has_text="café no laptop")
    expect(row).to_contain_text("ends in " + secret[-4:])
    expect(row).to_contain_text("about")  # it was used
    assert secret not in page.content()
    row.get_by_role("button", name="Revoke").click()
    row.get_by_role("button", name="Yes, revoke it").click()
    expect(row).to_have_count(0)
    page.reload()
    expect(page.get_by_role("heading", name="Your keys")).to_be_visible()
    expect(row).to_have_count(0)
