"""What people do by mistake can be taken back, and the keyboard stays where they are."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.driving import answer_to, ask, looks, sign_in, start_answer, wait_for_subscription
from tests.browser.fake_cloud import FakeCloud

pytestmark = pytest.mark.browser


def deletions(fake: FakeCloud) -> list[tuple[str, str]]:
    return [one for one in fake.requests if one[0] == "DELETE"]


def test_a_double_click_on_delete_deletes_one_conversation_that_can_be_had_back(page: Page, fake: FakeCloud) -> None:
    fake.have_conversations("Syntax", "Photosynthesis")
    sign_in(page, fake)
    page.get_by_role("link", name="Photosynthesis").click()
    page.get_by_role("button", name="Delete conversation").dblclick()
    expect(page.get_by_role("link", name="Photosynthesis")).to_have_count(0)
    expect(page.get_by_text("“Photosynthesis” is deleted.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Photosynthesis")).to_be_visible()
    expect(page.get_by_role("link", name="Photosynthesis")).to_be_visible()
    assert len(fake.conversations) == 2
    assert deletions(fake) == []


def test_what_nobody_takes_back_is_deleted_also_when_the_page_is_left(page: Page, fake: FakeCloud) -> None:
    gone, left = fake.have_conversations("Syntax", "Photosynthesis")
    sign_in(page, fake)
    for title in ("Syntax", "Photosynthesis"):
        page.get_by_role("link", name=title).click()
        page.get_by_role("button", name="Delete conversation").click()
        expect(page.get_by_role("link", name=title)).to_have_count(0)
        if title == "Syntax":
            expect(page.get_by_text("is deleted.")).to_have_count(0)
    page.reload()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Photosynthesis")).to_have_count(0)
    wanted = [("DELETE", f"/v1/conversations/{one}") for one in (gone, left)]
    for _ in looks(page):  # the page that was left may still be sending it
        if set(deletions(fake)) == set(wanted):
            break
    assert list(dict.fromkeys(deletions(fake))) == wanted  # the next page asks once more


def test_one_that_could_not_be_deleted_is_there_again(page: Page, fake: FakeCloud) -> None:
    (only,) = fake.have_conversations("Syntax")
    fake.troubles.append(("DELETE", f"/conversations/{only}", 500))
    sign_in(page, fake)
    page.get_by_role("link", name="Syntax").click()
    page.get_by_role("button", name="Delete conversation").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was kept")
    expect(page.get_by_role("link", name="Syntax")).to_be_visible()


def test_the_keyboard_stays_with_who_switches_on_and_off_and_deletes(page: Page, fake: FakeCloud) -> None:
    fake.have_conversations("Syntax")
    sign_in(page, fake)
    page.get_by_role("button", name="Switch on a GPU").press("Enter")
    expect(page.get_by_role("button", name="Switch off the GPU")).to_be_enabled()
    expect(page.get_by_role("region", name="GPU", exact=True).get_by_role("heading", level=1)).to_be_focused()
    page.get_by_role("button", name="Switch off the GPU").press("Enter")
    expect(page.get_by_role("region", name="GPU", exact=True).get_by_role("heading", level=1)).to_be_focused()
    page.get_by_role("link", name="Syntax").press("Enter")
    page.get_by_role("button", name="Delete conversation").press("Enter")
    expect(page.get_by_label("Message", exact=True)).to_be_focused()


def test_an_answer_in_work_is_stopped_and_says_so(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    answer = start_answer(page, fake)
    answer.update(content="A line that", status="answering")
    fake.delta(answer, 0, "A line that")
    expect(answer_to(page)).to_contain_text("A line that")
    answer_to(page).get_by_role("button", name="Stop").press("Enter")
    expect(answer_to(page)).to_contain_text("You stopped this answer.")
    expect(answer_to(page)).to_contain_text("A line that")
    expect(answer_to(page).get_by_role("button", name="Stop")).to_have_count(0)
    expect(page.get_by_label("Message", exact=True)).to_be_focused()


def test_people_choose_who_answers_and_see_who_did_and_why(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    page.get_by_label("Answered by").select_option("gpu")
    expect(page.get_by_text("sending switches one on")).to_be_visible()
    answer = start_answer(page, fake)
    (conversation,) = fake.conversations.values()
    assert conversation["backend"] == "gpu"
    page.get_by_label("Answered by").select_option("bedrock")
    expect(page.get_by_text("sending switches one on")).to_have_count(0)
    why = {
        "backend": "bedrock",
        "reason": "of-tomorrow",
        "text": "No GPU is on.",
        "numbers": {"bedrock_usd": 0.0004, "gpu_usd": 0.06},
    }
    fake.finish(answer, "A line.", backend="bedrock", choice=why, moved_from="gpu")
    expect(answer_to(page)).to_contain_text("The GPU could not answer, so Amazon Bedrock did.")
    answer_to(page).get_by_text("Why there?").click()
    expect(answer_to(page)).to_contain_text("No GPU is on.")
    expect(answer_to(page)).to_contain_text("$0.06")
    assert conversation["backend"] == "bedrock"


def test_a_conversation_is_renamed_where_its_title_stands(page: Page, fake: FakeCloud) -> None:
    (only,) = fake.have_conversations("Syntax")
    sign_in(page, fake)
    page.get_by_role("link", name="Syntax").click()
    page.get_by_role("button", name="Rename").press("Enter")
    title = page.get_by_label("Title of the conversation")
    expect(title).to_be_focused()
    title.fill("Crase")
    title.press("Escape")
    expect(page.get_by_role("heading", name="Syntax")).to_be_visible()
    page.get_by_role("button", name="Rename").click()
    title.fill("  Regência  ")
    title.press("Enter")
    expect(page.get_by_role("heading", name="Regência")).to_be_visible()
    expect(page.get_by_role("link", name="Regência")).to_be_visible()
    for _ in looks(page):  # the page shows it before the server has it
        if fake.conversations[only]["title"] == "Regência":
            break
    assert fake.conversations[only]["title"] == "Regência"
    fake.troubles.append(("PATCH", f"/conversations/{only}", 500))
    page.get_by_role("button", name="Rename").click()
    title.fill("Lost")
    title.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Nothing was kept")
    expect(page.get_by_role("heading", name="Regência")).to_be_visible()


def test_an_answer_is_asked_for_anew_and_the_one_before_can_be_read(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    fake.finish(start_answer(page, fake), "The first answer.", backend="bedrock")
    expect(answer_to(page)).to_contain_text("The first answer.")
    page.get_by_role("button", name="Another answer").click()
    expect(answer_to(page)).to_contain_text("queued")
    expect(page.get_by_role("article", name="You")).to_have_text(["What is a queue?"])
    expect(page.get_by_role("button", name="Edit", exact=True)).to_have_count(0)  # not while it is being answered
    fake.finish(fake.answers()[-1], "The second answer.")
    expect(answer_to(page)).to_have_text("The second answer.")
    page.get_by_role("button", name="Earlier version").click()
    expect(page.get_by_role("group", name="Version 1 of 2")).to_contain_text("The first answer.")
    page.get_by_role("button", name="Ask Bedrock instead").click()
    expect(answer_to(page)).to_contain_text("queued")
    fake.finish(fake.answers()[-1], "The third answer.", backend="bedrock")
    pager = page.get_by_role("group", name="Versions")
    expect(pager).to_contain_text("3/3")
    for text, at in (("The second answer.", 2), ("The first answer.", 1)):
        pager.get_by_role("button", name="Earlier version").click()
        expect(page.get_by_role("group", name=f"Version {at} of 3")).to_contain_text(text)
        expect(pager).to_contain_text(f"{at}/3")
    for _ in range(2):
        pager.get_by_role("button", name="Later version").click()
    expect(pager).to_contain_text("3/3")
    expect(page.get_by_role("group", name=re.compile("Version . of 3"))).to_have_count(0)
    (shown,) = fake.messages.values()
    assert [one.get("backend") for one in shown if one["role"] == "user"] == ["bedrock"]


def test_an_earlier_version_is_found_however_much_followed_it(page: Page, fake: FakeCloud) -> None:
    (chat,) = fake.have_conversations("Syntax")
    sign_in(page, fake)
    page.get_by_role("link", name="Syntax").click()
    for n in (1, 2, 3):
        ask(page, f"Question {n}")
        expect(answer_to(page)).to_contain_text("queued")
        wait_for_subscription(page, fake, f"conversation:{chat}")
        fake.finish(fake.answers()[-1], f"Answer {n}")
        expect(page.get_by_text(f"Answer {n}")).to_be_visible()
    exchange(page, "Question 1").get_by_role("button", name="Edit").click()
    page.get_by_label("The question anew").fill("Question 4")
    page.get_by_label("The question anew").press("Enter")
    expect(page.get_by_text("Question 3")).to_have_count(0)
    fake.finish(fake.answers()[-1], "Answer 4")
    page.get_by_role("button", name="Earlier version").click()
    expect(page.get_by_role("group", name="Version 1 of 2")).to_contain_text("Question 1")


def test_a_question_is_written_anew_in_its_place(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    fake.finish(start_answer(page, fake), "A line.")
    expect(answer_to(page)).to_have_text("A line.")
    page.get_by_role("button", name="Edit", exact=True).press("Enter")
    box = page.get_by_label("The question anew")
    expect(box).to_be_focused()
    box.fill("What is a stack?")
    box.press("Escape")
    expect(page.get_by_role("article", name="You")).to_have_text(["What is a queue?"])
    page.get_by_role("button", name="Edit", exact=True).click()
    box.fill("What is a stack?")
    fake.troubles.append(("POST", "/messages", 409))
    box.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Nothing was kept")
    expect(box).to_have_value("What is a stack?")  # nothing typed is lost
    box.press("Enter")
    expect(page.get_by_role("article", name="You")).to_have_text(["What is a stack?"])
    fake.finish(fake.answers()[-1], "A pile.")
    expect(answer_to(page)).to_have_text("A pile.")
    page.reload()
    expect(page.get_by_role("article", name="You")).to_have_text(["What is a stack?"])


def exchange(page: Page, question: str) -> Locator:
    return page.locator(".asked").filter(has_text=question)


def test_a_question_is_deleted_with_its_answer_here_and_in_another_tab(page: Page, fake: FakeCloud) -> None:
    (chat,) = fake.have_conversations("Syntax")
    sign_in(page, fake)
    page.get_by_role("link", name="Syntax").click()
    for n in (1, 2):
        ask(page, f"Question {n}")
        expect(answer_to(page)).to_contain_text("queued")
        wait_for_subscription(page, fake, f"conversation:{chat}")
        fake.finish(fake.answers()[-1], f"Answer {n}")
        expect(page.get_by_text(f"Answer {n}")).to_be_visible()
    other = page.context.new_page()
    sign_in(other, fake)
    other.get_by_role("link", name="Syntax").click()
    expect(other.get_by_text("Answer 1")).to_be_visible()
    exchange(page, "Question 1").get_by_role("button", name="Delete this question and its answer").click()
    expect(page.get_by_text("Answer 1")).to_have_count(0)
    expect(page.get_by_text("Answer 2")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Answer 1")).to_be_visible()
    assert deletions(fake) == []
    exchange(page, "Question 1").get_by_role("button", name="Delete this question and its answer").click()
    expect(page.get_by_text("The question and its answer are deleted.")).to_have_count(0)
    expect(other.get_by_text("Answer 1")).to_have_count(0)
    expect(other.get_by_text("Answer 2")).to_be_visible()
    (deleted,) = deletions(fake)
    assert deleted[1].endswith("/exchange")
