"""The talk itself: a prompt, commands that begin with /, answers."""

from collections.abc import Callable

from foreverus.abilities.read_image.checking import MOST_IMAGES
from foreverus.cli.argument_types import BACKENDS
from foreverus.cli.chat import words
from foreverus.cli.chat.attached import read_images
from foreverus.cli.chat.conversation import Chat
from foreverus.cli.chat.following import FINAL
from foreverus.cli.context import printable
from foreverus.cli.failures import COMPLETED, CommandFailed, UsageError

SHOWN_ON_RESUME = 2  # messages: the last question and its answer


def talk(chat: Chat) -> int:
    """Until /quit or Ctrl-D: 0. A second Ctrl-C leaves in the middle of an answer (KeyboardInterrupt)."""
    assert chat.prompt
    try:
        _begin(chat)
        while True:
            try:
                text = chat.prompt.read().rstrip()
            except EOFError:
                chat.context.say("")
                return COMPLETED
            except KeyboardInterrupt:
                chat.context.say("\n(/quit or Ctrl-D leaves)")
                continue
            except CommandFailed as err:
                _tell(chat, err)
                continue
            if text.split(maxsplit=1)[:1] in (["/quit"], ["/exit"]):
                return COMPLETED
            _turn(chat, text)
    finally:
        chat.prompt.close()
        chat.line.close()


def _begin(chat: Chat) -> None:
    if not chat.arguments.resume:
        chat.context.say("Forever Us. /help shows what else there is.")
        return
    found = chat.resume(chat.arguments.resume)
    title = f", {printable(str(found['title']))}" if found.get("title") else ""
    chat.context.say(f"{chat.conversation_id}{title}. /help shows what else there is.")
    messages = chat.chats.last(chat.conversation_id, SHOWN_ON_RESUME)
    for one in messages:
        final = one.get("role") == "user" or one.get("status") in FINAL
        if one.get("role") == "user":
            chat.context.say("\n".join(f"> {printable(line)}" for line in str(one.get("content")).splitlines()))
        elif final:
            chat.context.say("\n".join(printable(line) for line in str(one.get("content") or "").splitlines()))
        else:
            chat.go_on(one)


def _turn(chat: Chat, text: str) -> None:
    """One line of people's. What fails is told, and the talk goes on."""
    if not text.strip():
        return
    try:
        if text.startswith("//"):
            chat.ask(text[1:])
        elif text.startswith("/"):
            name, _, rest = text.partition(" ")
            command = _COMMANDS.get(name)
            if command is None:
                chat.context.say(f"There is no {printable(name)}; /help shows what there is. To send it: /{text}"[:200])
            else:
                command(chat, rest.strip())
        else:
            chat.ask(text)
    except CommandFailed as err:
        _tell(chat, err)


def _tell(chat: Chat, err: CommandFailed) -> None:
    for line in [*str(err).splitlines(), *([err.fix] if err.fix else [])]:
        chat.status.say(line)


def _backend(chat: Chat, name: str) -> None:
    if not name:
        chat.context.say(f"{chat.backend or 'auto, or what you or the conversation prefer'}")
    elif name not in BACKENDS:
        chat.context.say(f"{printable(name)} is no backend: auto, gpu or bedrock.")
    else:
        chat.backend = name
        chat.context.say(f"From now on: {name}.")


def _title(chat: Chat, title: str) -> None:
    if not chat.conversation_id:
        if title:
            chat.arguments.title = title
        chat.context.say(printable(chat.arguments.title or "The conversation begins with the first question."))
        return
    found = chat.chats.rename(chat.conversation_id, title) if title else chat.chats.conversation(chat.conversation_id)
    chat.context.say(printable(str(found.get("title") or "It has no title.")))


def _image(chat: Chat, path: str) -> None:
    if path:
        read = read_images([path], chat.context)
        if len(chat.images) == MOST_IMAGES:
            raise UsageError(f"A question shows {MOST_IMAGES} images at most: send these first.")
        chat.images += read
    names = ", ".join(printable(one.name) for one in chat.images)
    chat.context.say(f"With your next question: {names}." if names else "No image is to be shown.")


def _help(chat: Chat, _: str) -> None:
    for line in words.HELP:
        chat.context.say(line)


def _why(chat: Chat, _: str) -> None:
    for line in words.reasons(chat.last):
        chat.context.say(line)


def _stop(chat: Chat, _: str) -> None:
    chat.context.say("No answer is being written.")


_COMMANDS: dict[str, Callable[[Chat, str], None]] = {
    "/backend": _backend,
    "/help": _help,
    "/image": _image,
    "/stop": _stop,
    "/title": _title,
    "/why": _why,
}
