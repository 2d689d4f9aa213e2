"""`foreverus completion`: what bash really completes, and scripts for zsh and fish that name every command."""

import shutil
import subprocess

import pytest

from tests.unit.cli.conftest import Shell
from tests.unit.cli.test_docs import known

# What bash does when somebody presses Tab behind these words.
PRESSED = """
source {script}
COMP_WORDS=({words}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
[ {empty} = 1 ] && COMP_WORDS+=("") && COMP_CWORD=$(( COMP_CWORD + 1 ))
function=$(complete -p foreverus | sed -E 's/.*-F ([^ ]+).*/\\1/')
"$function" foreverus "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def script(shell: Shell, name: str) -> str:
    assert shell.run(name, group="completion", bare=True) == 0
    return shell.out


@pytest.mark.parametrize(
    ("words", "empty", "offered"),
    [
        ("foreverus", 1, {"chat", "session", "usage", "quote", "key", "batch", "completion"}),
        ("foreverus se", 0, {"session"}),
        ("foreverus session", 1, {"start", "show", "watch", "work", "end"}),
        ("foreverus batch sub", 0, {"submit"}),
        ("foreverus chat --res", 0, {"--resume"}),
        ("foreverus chat --backend", 1, {"auto", "gpu", "bedrock"}),
    ],
)
def test_bash_offers_what_there_is(shell: Shell, words: str, empty: int, offered: set[str]) -> None:
    path = shell.folder / "completion"
    path.write_text(script(shell, "bash"), encoding="utf-8")
    pressed = PRESSED.format(script=path, words=words, empty=empty)
    done = subprocess.run(["bash", "-c", pressed], capture_output=True, text=True, check=True, timeout=60)
    assert offered <= set(done.stdout.split()), done.stderr


@pytest.mark.parametrize("name", ["zsh", "fish"])
def test_other_shells_get_every_command(shell: Shell, name: str) -> None:
    made = script(shell, name)
    assert {word for command in known() for word in command.split()} <= set(
        made.replace("'", " ").replace('"', " ").replace(":", " ").replace("[", " ").split()
    )
    if program := shutil.which(name):
        subprocess.run([program, "-n"], input=made, text=True, check=True, timeout=60)


def test_no_secret_option_is_offered(shell: Shell) -> None:
    for name in ("bash", "zsh", "fish"):
        assert "--api-key " not in script(shell, name).replace("\n", " ").replace("'", " ").replace('"', " ")
