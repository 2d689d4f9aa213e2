"""Images beside a message: chosen, pasted, dropped, taken back, refused; small in the thread and large when opened."""

import base64
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from foreverus.choice.request import READER
from tests.browser.driving import sign_in
from tests.browser.fake_cloud import FakeCloud

pytestmark = pytest.mark.browser

NOTE = Path(__file__).resolve().parents[1] / "pictures" / "note.png"
PHOTO = NOTE.with_name("photo.jpg")
# What a browser hands over of files that are pasted or dropped.
HAND_OVER = """([selector, kind, files]) => {
  const data = new DataTransfer();
  for (const [name, type, text] of files) {
    const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
    data.items.add(new File([bytes], name, { type }));
  }
  const more = { bubbles: true, cancelable: true };
  const event = kind === "paste"
    ? new ClipboardEvent("paste", { ...more, clipboardData: data })
    : new DragEvent(kind, { ...more, dataTransfer: data });
  document.querySelector(selector).dispatchEvent(event);
}"""


@pytest.fixture
def seeing(page: Page, fake: FakeCloud) -> Page:
    fake.own.sees_images = True
    sign_in(page, fake)
    expect(adding(page)).to_be_attached()
    return page


def adding(page: Page, name: str = "Add an image") -> Locator:
    return page.get_by_label(name, exact=True)


def waiting(page: Page) -> Locator:
    """Those that are to go with the next message, with the server already."""
    return page.get_by_role("list", name="Images of this message").locator("li[aria-busy=false]:not(.picture-no)")


def hand_over(page: Page, kind: str, *files: Path, selector: str = "#message") -> None:
    shown = [[one.name, "image/png", base64.b64encode(one.read_bytes()).decode()] for one in files]
    page.evaluate(HAND_OVER, [selector, kind, shown])


def send(page: Page, text: str = "What is this?") -> Locator:
    page.get_by_label("Message", exact=True).fill(text)
    page.get_by_role("button", name="Send", exact=True).click()
    accepted = page.locator("article:not(.unsent)")
    question = page.get_by_role("article", name="You").filter(has_text=text).and_(accepted)
    expect(question).to_be_visible()
    return question


def sent(fake: FakeCloud) -> Sequence[str]:
    """The files of the newest question."""
    (messages,) = fake.messages.values()
    return [one["file_id"] for one in messages[-2].get("images", [])]


def test_page_of_a_deployment_without_eyes_offers_none(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    expect(adding(page)).to_have_count(0)
    hand_over(page, "paste", NOTE)
    expect(page.get_by_role("list", name="Images of this message")).to_have_count(0)


def test_chosen_image_goes_with_the_message_and_is_opened_large_by_keyboard(seeing: Page, fake: FakeCloud) -> None:
    adding(seeing).set_input_files([NOTE, PHOTO])
    expect(waiting(seeing)).to_have_count(2)
    question = send(seeing)
    expect(waiting(seeing)).to_have_count(0)
    shown = question.get_by_role("group", name="Images of the message: 2")
    assert len(sent(fake)) == 2
    small = shown.get_by_role("button", name="Open image 1 of 2")
    expect(small.locator("img")).to_have_js_property("naturalWidth", 460)
    assert (small.bounding_box() or {"height": 999})["height"] < 160
    small.focus()
    seeing.keyboard.press("Enter")
    large = seeing.get_by_role("dialog", name="Image 1 of 2")
    expect(large.get_by_role("img", name="Image 1 of 2")).to_be_visible()
    seeing.keyboard.press("Escape")
    expect(large).to_be_hidden()
    expect(small).to_be_focused()
    seeing.reload()
    expect(shown.get_by_role("button", name="Open image 2 of 2").locator("img")).to_have_js_property("complete", True)


def test_what_a_camera_adds_leaves_this_page_for_nowhere(seeing: Page, fake: FakeCloud) -> None:
    assert b"Augusta" in PHOTO.read_bytes()
    adding(seeing).set_input_files(PHOTO)
    expect(waiting(seeing)).to_have_count(1)
    send(seeing)
    (kept,) = sent(fake)
    assert b"Augusta" not in fake.batches.stored[kept]


def test_image_goes_without_words_and_none_without_an_image(seeing: Page, fake: FakeCloud) -> None:
    button = seeing.get_by_role("button", name="Send", exact=True)
    expect(button).to_be_disabled()
    adding(seeing).set_input_files([NOTE])
    expect(waiting(seeing)).to_have_count(1)
    expect(button).to_be_enabled()
    button.click()
    question = seeing.get_by_role("article", name="You").and_(seeing.locator("article:not(.unsent)"))
    expect(question.get_by_role("button", name="Open image 1 of 1")).to_be_visible()
    (messages,) = fake.messages.values()
    assert messages[-2]["content"] == "" and len(sent(fake)) == 1
    expect(button).to_be_disabled()


def test_pasted_and_dropped_images_are_taken_and_text_is_pasted_as_ever(seeing: Page, fake: FakeCloud) -> None:
    hand_over(seeing, "paste", NOTE)
    expect(waiting(seeing)).to_have_count(1)
    hand_over(seeing, "drop", NOTE, selector="#messages")
    expect(waiting(seeing)).to_have_count(2)
    box = seeing.get_by_label("Message", exact=True)
    box.focus()
    seeing.keyboard.insert_text("Bom dia")
    expect(box).to_have_value("Bom dia")
    send(seeing)
    assert len(sent(fake)) == 2


def test_fifth_image_is_refused_with_a_sentence(seeing: Page, fake: FakeCloud) -> None:
    adding(seeing).set_input_files([NOTE] * 3)
    expect(waiting(seeing)).to_have_count(3)
    hand_over(seeing, "paste", NOTE, NOTE)
    expect(waiting(seeing)).to_have_count(4)
    expect(seeing.locator(".pictures").get_by_text("A message has at most 4 images.")).to_be_visible()
    expect(adding(seeing)).to_be_disabled()


def test_image_is_taken_back_before_it_is_sent(seeing: Page, fake: FakeCloud) -> None:
    adding(seeing).set_input_files([NOTE, PHOTO])
    expect(waiting(seeing)).to_have_count(2)
    seeing.get_by_role("button", name="Remove image 1").click()
    expect(waiting(seeing)).to_have_count(1)
    expect(waiting(seeing).get_by_role("img", name="photo.jpg")).to_be_visible()
    send(seeing)
    assert len(sent(fake)) == 1 and set(fake.batches.files) == set(sent(fake)), "the other one is deleted"


def test_what_is_no_image_says_why_and_the_message_goes_without_it(
    seeing: Page, fake: FakeCloud, tmp_path: Path
) -> None:
    bad = tmp_path / "nothing.png"
    bad.write_bytes(b"%PDF-1.7")
    adding(seeing).set_input_files([bad, NOTE])
    refused = seeing.get_by_role("alert").filter(has_text="nothing.png was not taken: The file is no image")
    expect(refused).to_be_visible()
    expect(waiting(seeing)).to_have_count(1)
    send(seeing)
    assert len(sent(fake)) == 1


def test_deleted_message_takes_its_images_from_the_page(seeing: Page, fake: FakeCloud) -> None:
    adding(seeing).set_input_files(NOTE)
    expect(waiting(seeing)).to_have_count(1)
    question = send(seeing)
    (messages,) = fake.messages.values()
    messages[-1].update(status="answered", content="A note.")
    seeing.reload()
    expect(question.get_by_role("button", name="Open image 1 of 1")).to_be_visible()
    seeing.get_by_role("button", name="Delete this question and its answer").click()
    expect(seeing.get_by_role("button", name="Open image 1 of 1")).to_have_count(0)


@pytest.mark.parametrize(
    ("backend", "numbers", "moved", "said"),
    [
        (
            "bedrock",
            {"images": 1, "images_seen_by": "amazon.nova-lite-v1:0"},
            None,
            "The images were shown to amazon.nova-lite-v1:0.",
        ),
        (
            "gpu",
            {"images": 1, "images_read_by": READER},
            None,
            "Nobody sees the images: the text in them was read by this deployment's own container.",
        ),
        ("bedrock", {"images": 1, "images_seen_by": "Qwen/Qwen2.5-VL-7B"}, "gpu", None),
    ],
    ids=["seen", "read", "taken over"],
)
def test_an_answer_says_who_saw_its_images(
    seeing: Page, fake: FakeCloud, backend: str, numbers: dict[str, object], moved: str | None, said: str | None
) -> None:
    """Who took an answer over is another one than was chosen: then no model is named."""
    adding(seeing).set_input_files(NOTE)
    expect(waiting(seeing)).to_have_count(1)
    send(seeing)
    (messages,) = fake.messages.values()
    choice = {"backend": "gpu" if moved else backend, "reason": "sees_images", "text": "", "numbers": numbers}
    messages[-1].update(status="answered", content="A leaf.", backend=backend, choice=choice)
    if moved:
        messages[-1].update(moved_from=moved)
    seeing.reload()
    answer = seeing.get_by_role("article", name="Mistral").filter(has_text="A leaf.")
    answer.get_by_text("Why there?").click()
    expect(answer.get_by_text("There are images: the model that sees them, on Bedrock, answers.")).to_be_visible()
    shown = answer.get_by_text(re.compile("shown to|Nobody sees"))
    expect(shown).to_have_text([said] if said else [])


def test_large_photo_is_made_smaller_before_it_is_sent(seeing: Page, fake: FakeCloud) -> None:
    made = seeing.evaluate(
        """async () => {
          const canvas = new OffscreenCanvas(4000, 3000);
          canvas.getContext("2d").fillRect(0, 0, 2000, 3000);
          const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: "image/jpeg" })).arrayBuffer());
          let text = "";
          for (const one of bytes) text += String.fromCharCode(one);
          return btoa(text);
        }"""
    )
    large = {"name": "IMG_1.jpg", "mimeType": "image/jpeg", "buffer": base64.b64decode(made)}
    adding(seeing).set_input_files([large])
    expect(waiting(seeing)).to_have_count(1)
    (file,) = fake.batches.files.values()
    assert (file["width"], file["height"]) == (1600, 1200)


def test_on_a_phone_in_portuguese_a_photo_is_taken_and_nothing_is_cut(browser: Browser, fake: FakeCloud) -> None:
    fake.own.sees_images = True
    context = browser.new_context(
        viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True, locale="pt-BR"
    )
    page = context.new_page()
    try:
        page.goto(fake.url)
        page.get_by_role("button", name="Entrar").click()
        camera = page.get_by_label("Tirar foto", exact=True)
        expect(camera).to_be_attached()
        assert camera.get_attribute("capture") == "environment"
        camera.set_input_files(NOTE)
        expect(page.get_by_role("list", name="Imagens desta mensagem").locator("li[aria-busy=false]")).to_have_count(1)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        box = page.get_by_role("button", name="Remover a imagem 1").bounding_box()
        assert box and box["width"] >= 44 and box["height"] >= 44
        page.get_by_label("Mensagem", exact=True).fill("O que é isto?")
        page.get_by_role("button", name=re.compile("Enviar")).click()
        expect(page.get_by_role("button", name="Abrir a imagem 1 de 1")).to_be_visible()
    finally:
        context.close()
