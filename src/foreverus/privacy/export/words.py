"""What stands in an export beside a person's own data, in Portuguese and in English. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast

LEIAME = """Tudo o que é seu
=================

account.json                  quem você é aqui: o seu id, o seu e-mail, desde quando; o que prefere
conversations/<id>.md         cada conversa, para ler
conversations/<id>.jsonl      a mesma conversa para programas: a primeira linha é a conversa, cada outra uma mensagem
conversations/<id>.earlier.jsonl  só onde você regenerou ou reescreveu algo: as mensagens das versões anteriores
prompts.jsonl                 os seus prompts de sistema, um por linha: nome e texto
memories.jsonl                o que você pediu para lembrar, um por linha: texto, se está ligado, de que conversa veio
documents.jsonl               os seus documentos, um por linha: nome, tamanho, se foi lido, o que custou
documents/<id>/<nome>         o conteúdo deles
files.jsonl                   os seus arquivos, um por linha: nome, tamanho, data
files/<id>/<nome>             o conteúdo deles; também as respostas dos seus lotes
batches.jsonl                 os seus lotes, um por linha: como terminaram, quantas linhas, tokens, custo
keys.jsonl                    as suas chaves de API: nome, datas. Nunca a chave, que nem nós temos
usage.jsonl                   o que você usou: tokens por dia e por conversa, e as sessões de GPU que você começou

JSONL é texto com um objeto JSON por linha. As horas são UTC. O que mudou enquanto este arquivo era feito pode
estar nele ou não. Como apagar tudo: na página, em "Meus dados", ou com `foreverus me delete`.
"""

README = """Everything of yours
===================

account.json                  who you are here: your id, your e-mail address, since when; what you prefer
conversations/<id>.md         each conversation, for reading
conversations/<id>.jsonl      the same for programs: the first line is the conversation, each other one a message
conversations/<id>.earlier.jsonl  only where you asked again or rewrote something: the messages of earlier versions
prompts.jsonl                 your system prompts, one a line: name and text
memories.jsonl                what you want remembered, one a line: text, on or off, which conversation it is from
documents.jsonl               your documents, one a line: name, size, whether it was read, what that cost
documents/<id>/<name>         what is in them
files.jsonl                   your files, one a line: name, size, date
files/<id>/<name>             what is in them; your batches' answers too
batches.jsonl                 your batches, one a line: how they ended, how many lines and tokens, what it cost
keys.jsonl                    your API keys: name and dates. Never the key, which we do not have either
usage.jsonl                   what you have used: tokens by day and conversation, and the GPU sessions that you began

JSONL is text with one JSON object a line. Times are UTC. What changed while this file was made may be in it or not.
How to have everything deleted: on the page, under "My data", or with `foreverus me delete`.
"""

_NOT_IN_NAMES = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\u2028\u2029\ud800-\udfff]')


def file_name(given: str) -> str:
    """A person's name for a file as every system can unpack it.

    >>> file_name("../../etc/passwd"), file_name("  ")
    ('.._.._etc_passwd', 'file')
    """
    name = _NOT_IN_NAMES.sub("_", given).strip()[:120]
    return name if name.strip(".") else "file"


def markdown(title: str, messages: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """A conversation for reading. Nothing of what was written is changed."""
    yield f"# {title or 'Conversation'}\n"
    for one in messages:
        who = "You / Você" if one["role"] == "user" else "Model / Modelo"
        yield f"\n## {who}, {one['created_at']}\n\n{one['content']}\n"
        yield from (f"\n(files/{image['file_id']})\n" for image in images_of(one))


def images_of(message: Mapping[str, object]) -> Sequence[Mapping[str, object]]:
    """Which files a message shows, as the API has it."""
    return cast(Sequence[Mapping[str, object]], message.get("images", ()))
