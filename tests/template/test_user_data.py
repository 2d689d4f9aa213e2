"""The GPU instance's user data: rendered, read as cloud-init reads it, its scripts checked."""

import base64
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2.sandbox import ImmutableSandboxedEnvironment

from foreverus.worker.settings import WorkerSettings
from tests.template.template import user_data

IN_CI = bool(os.environ.get("CI"))  # there a missing tool is a failure, never a skipped test
LIMIT_BYTES = 16384  # EC2's, before base64


def config() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(user_data())
    return found


def file(path: str) -> dict[str, str]:
    (found,) = [one for one in config()["write_files"] if one["path"] == path]
    return found


def test_is_a_cloud_config_that_fits() -> None:
    text = user_data()
    assert text.startswith("#cloud-config\n")
    assert len(text.encode()) < LIMIT_BYTES
    assert set(config()) == {"bootcmd", "write_files", "runcmd"}


def test_timer_comes_first_and_depends_on_nothing() -> None:
    assert next(iter(config())) == "bootcmd"
    (timer,) = config()["bootcmd"]
    assert timer[0] == "systemd-run"
    assert timer[-3:] == ["/usr/bin/systemctl", "poweroff", "--force"]
    assert "--no-block" in timer  # it must not wait for the boot that waits for it
    assert "--timer-property=DefaultDependencies=no" in timer
    assert "--timer-property=AccuracySec=1s" in timer  # else systemd may be a minute late
    assert not any("/etc/foreverus" in word or "/opt/foreverus" in word for word in timer)


def test_timer_is_the_maximum_life_and_the_boot_budget() -> None:
    text = user_data({"MaxSessionSeconds": "1000", "BootTimeoutSeconds": "30"})
    (timer,) = yaml.safe_load(text)["bootcmd"]
    assert "--on-active=1000s 30s" in timer  # systemd adds spans


def test_worker_gets_exactly_its_settings() -> None:
    lines = file("/etc/foreverus/worker.env")["content"].splitlines()
    names = {line.split("=", 1)[0] for line in lines}
    assert names == {field.upper() for field in WorkerSettings.__dataclass_fields__}
    WorkerSettings.from_env(dict(line.split("=", 1) for line in lines))


def test_machine_goes_off_with_its_worker() -> None:
    unit = file("/etc/systemd/system/foreverus-worker.service")["content"]
    assert "ExecStopPost=+/usr/bin/systemctl --no-block poweroff --force" in unit
    assert "Restart=no" in unit
    assert "EnvironmentFile=/etc/foreverus/worker.env" in unit


def test_engine_listens_on_loopback_and_may_finish() -> None:
    unit = file("/etc/systemd/system/foreverus-engine.service")["content"]
    assert "--publish 127.0.0.1:8000:8000" in unit
    assert "--quantization" not in unit  # it picks Marlin by itself
    assert "--shutdown-timeout 110" in unit
    assert "docker stop --time 120" in unit
    assert "--chat-template /etc/foreverus/chat_template.jinja" in unit


def test_program_that_is_started_is_the_one_that_is_written() -> None:
    assert config()["runcmd"] == [["/opt/foreverus/start"]]
    assert file("/opt/foreverus/start")["permissions"] == "0755"


def test_start_script_passes_shellcheck(tmp_path: Path) -> None:
    script = tmp_path / "start"
    script.write_text(file("/opt/foreverus/start")["content"])
    shellcheck = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run([shellcheck, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(not shutil.which("systemd-analyze") and not IN_CI, reason="systemd is not installed")
def test_systemd_adds_the_timers_two_spans() -> None:
    ((_, span),) = [word.split("=") for word in config()["bootcmd"][0] if word.startswith("--on-active")]
    done = subprocess.run(["systemd-analyze", "timespan", span], capture_output=True, text=True, check=True)
    seconds = sum(int(part.removesuffix("s")) for part in span.split())
    assert f"{seconds * 1_000_000}" in done.stdout


@pytest.mark.skipif(not shutil.which("cloud-init") and not IN_CI, reason="cloud-init is not installed")
def test_cloud_init_accepts_it(tmp_path: Path) -> None:
    whole = tmp_path / "user-data"
    whole.write_text(user_data())
    done = subprocess.run(["cloud-init", "schema", "-c", whole], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def stub(folder: Path, name: str, script: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/bash\n{script}\n")
    program.chmod(0o755)


def run_start(tmp_path: Path, *, failing: str = "") -> str:
    """The real script with recorded stand-ins for the machine's programs; returns what was called."""
    programs, calls = tmp_path / "bin", tmp_path / "calls"
    programs.mkdir()
    for name in ("systemctl", "aws", "curl", "apt-get", "ln", "mkdir", "sleep", "python3"):
        stub(programs, name, f'echo "{name} $*" >> {calls}\n[ "{name}" != "{failing}" ]')
    script = file("/opt/foreverus/start")["content"].replace("/opt/foreverus", str(tmp_path / "opt"))
    pip = tmp_path / "opt" / "venv" / "bin"
    pip.mkdir(parents=True)
    stub(pip, "pip", f'echo "pip $*" >> {calls}')
    environment = {"PATH": f"{programs}:/usr/bin:/bin"}
    subprocess.run(["bash", "-c", script], env=environment, capture_output=True, check=False)
    return calls.read_text()


def test_start_brings_up_engine_and_worker(tmp_path: Path) -> None:
    calls = run_start(tmp_path)
    assert "aws lambda get-function --region us-east-1 --function-name the-ApiFunction" in calls
    assert "requirements/worker.lock" in calls
    assert calls.rstrip().endswith("systemctl start foreverus-worker.service")
    assert "poweroff" not in calls


@pytest.mark.parametrize("failing", ["aws", "curl", "python3"])
def test_machine_that_cannot_start_goes_off(tmp_path: Path, failing: str) -> None:
    calls = run_start(tmp_path, failing=failing)
    assert calls.rstrip().endswith("systemctl --no-block poweroff --force")
    assert "start foreverus-worker.service" not in calls


# ── The chat template ──


def chat(*messages: tuple[str, str], answer: bool = True) -> str:
    """Renders as vLLM does: transformers' sandbox and options."""
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    compiled = environment.from_string(file("/etc/foreverus/chat_template.jinja")["content"])
    return compiled.render(
        messages=[{"role": role, "content": content} for role, content in messages],
        bos_token="<s>",
        eos_token="</s>",
        add_generation_prompt=answer,
    )


def test_chat_alternates_as_the_model_was_taught() -> None:
    assert (
        chat(("user", "Hi"), ("assistant", "Hello."), ("user", "Who are you?"))
        == "<s>[INST] Hi[/INST] Hello.</s>[INST] Who are you?[/INST]"
    )


def test_system_message_goes_into_the_first_turn() -> None:
    assert chat(("system", "Be brief."), ("user", "Hi")) == "<s>[INST] Be brief.\n\nHi[/INST]"


def test_turns_of_one_speaker_are_joined() -> None:
    assert chat(("user", "One"), ("user", "Two")) == "<s>[INST] One\n\nTwo[/INST]"
    assert (
        chat(("user", "Hi"), ("assistant", "A"), ("assistant", "B"), ("user", "C"))
        == "<s>[INST] Hi[/INST] A\n\nB</s>[INST] C[/INST]"
    )


def test_conversation_that_starts_with_the_assistant_is_accepted() -> None:
    assert chat(("system", "S"), ("assistant", "Hello."), ("user", "Hi")) == (
        "<s>[INST] S[/INST] Hello.</s>[INST] Hi[/INST]"
    )


def test_system_message_alone_is_a_question() -> None:
    assert chat(("system", "Write a poem.")) == "<s>[INST] Write a poem.[/INST]"


def test_partial_answer_can_be_continued() -> None:
    """`continue_final_message`: transformers cuts off what follows the last message's own text."""
    text = chat(("user", "Count"), ("assistant", "1, 2,"), answer=False)
    assert text == "<s>[INST] Count[/INST] 1, 2,</s>"


def test_user_data_survives_base64() -> None:
    assert base64.b64decode(base64.b64encode(user_data().encode())).decode() == user_data()
