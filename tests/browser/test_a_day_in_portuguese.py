"""What a student does in a day, by the words that a Brazilian page and its screen reader have."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.driving import looks, wait_for_subscription
from tests.browser.fake_cloud import FakeCloud

pytestmark = pytest.mark.browser


def button(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def begun(page: Page, fake: FakeCloud, known: set[str]) -> dict:
    """An answer beside the `known`; the page hears of it."""
    for _ in looks(page):
        if new := [one for one in fake.answers() if one["id"] not in known]:
            known.add(new[-1]["id"])
            wait_for_subscription(page, fake, f"conversation:{new[-1]['conversation_id']}")
            return new[-1]
    raise AssertionError("nothing was asked")


def test_a_student_asks_stops_edits_deletes_loses_the_line_and_takes_everything_along(
    browser: Browser, fake: FakeCloud
) -> None:
    context = browser.new_context(locale="pt-BR", viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(fake.url)
    button(page, "Entrar")
    log = page.get_by_role("log", name="Mensagens")
    answers = log.get_by_role("article", name="Mistral")

    known: set[str] = set()
    page.get_by_label("Mensagem", exact=True).fill("O que é uma fila?")
    button(page, "Enviar")
    answer = begun(page, fake, known)
    answer.update(content="Uma fila é", status="answering")
    fake.delta(answer, 0, "Uma fila é")
    expect(answers.last).to_contain_text("Uma fila é")
    button(page, "Parar")
    expect(answers.last).to_contain_text("Você parou esta resposta.")

    log.get_by_role("button", name="Outra resposta").last.click()
    fake.finish(begun(page, fake, known), "Uma lista em que se espera.")
    expect(answers.last).to_contain_text("Uma lista em que se espera.")
    expect(answers.last).not_to_contain_text("Você parou esta resposta.")

    log.get_by_role("button", name="Editar", exact=True).click()
    page.get_by_label("A pergunta reescrita").fill("O que é uma pilha?")
    page.get_by_label("A pergunta reescrita").press("Enter")
    expect(log).to_contain_text("O que é uma pilha?")
    fake.finish(begun(page, fake, known), "O último entra, o primeiro sai.")
    expect(answers.last).to_contain_text("O último entra, o primeiro sai.")
    button(page, "Versão anterior")
    expect(page.get_by_role("group", name="Versão 2 de 3")).to_contain_text("Uma lista em que se espera.")
    button(page, "Versão seguinte")

    button(page, "Apagar conversa")
    expect(page.get_by_role("heading", name="Nova conversa", level=2)).to_be_visible()
    button(page, "Desfazer")
    expect(answers.last).to_contain_text("O último entra, o primeiro sai.")
    log.get_by_role("button", name="Apagar esta pergunta e a resposta").click()
    expect(answers).to_have_count(0)
    button(page, "Desfazer")
    expect(answers.last).to_contain_text("O último entra, o primeiro sai.")

    context.set_offline(True)
    expect(page.get_by_text("Este aparelho está sem rede")).to_be_visible()
    page.get_by_label("Mensagem", exact=True).fill("Uma pergunta do ônibus")
    button(page, "Enviar")
    expect(log).to_contain_text("esperando a conexão; será enviada assim que ela voltar")
    context.set_offline(False)
    expect(page.get_by_text("Ao vivo", exact=True)).to_be_visible()
    fake.finish(begun(page, fake, known), "Chegou.")
    expect(answers.last).to_contain_text("Chegou.")

    page.get_by_role("link", name="Preferências", exact=True).click()
    mine = page.get_by_role("region", name="Meus dados")
    mine.get_by_role("button", name="Exportar tudo").click()
    expect(mine).to_contain_text("A exportação está sendo feita.")
    fake.export = {"id": "export_1", "status": "ready", "bytes": 2_000_000, "url": f"{fake.url}/zip?signature=x"}
    expect(mine.get_by_role("link", name="Baixar")).to_have_attribute("href", f"{fake.url}/zip?signature=x")
    mine.get_by_role("button", name="Apagar tudo…").click()
    mine.get_by_label("Para continuar, digite: apagar tudo").fill("apagar tudo")
    mine.get_by_role("button", name="Apagar tudo, para sempre").click()
    expect(mine).to_contain_text("O número do recibo é erasure_1.")
    context.close()
