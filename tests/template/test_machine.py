"""The GPU instance's files as they stand in the package: what starts, what it starts with, and how it ends."""

import json
import os
import re
import shutil
import subprocess
import sys
from functools import partial
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment

from foreverus.abilities.read_image.parts import MOST_IN_ALL
from foreverus.backends import converse
from foreverus.backends.live_parameters import KNOWN
from foreverus.backends.parameters import CHAT, Support
from foreverus.backends.port import Message, Prompt
from foreverus.backends.sights import QWEN_MOST_PIXELS, SIGHTS
from foreverus.worker.weights import __main__ as weights_main
from foreverus.worker.weights.manifest import ModelSource
from foreverus.worker.weights.places import IN_CONTAINER, WeightPlaces
from tests.template.machine_files import FETCH, MACHINE, UNITS, packaged, variables, written
from tests.template.template import template

IN_CI = bool(os.environ.get("CI"))  # there a missing tool is a failure, never a skipped test
WEIGHTS = "foreverus-weights.service"
SHELLCHECK = Path(sys.executable).with_name("shellcheck")
# What the machine image brings, as far as our units name it.
IMAGE_UNITS = ("basic.target", "docker.service", "network-online.target", "shutdown.target", "sysinit.target")
PROGRAMS = ("/bin/bash", "/usr/bin/docker", "/usr/bin/systemctl", "/opt/foreverus/venv/bin/python")


def unit(name: str) -> list[str]:
    """Its lines, continued ones joined, without comments."""
    lines = re.sub(r"\\\n\s*", "", packaged(name).read_text()).splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_folder_holds_the_machines_files_and_nothing_else() -> None:
    names = {path.name for path in MACHINE.iterdir() if path.name != "__pycache__"}
    assert names == {
        "__init__.py",
        "chat_template.jinja",
        "disks.sh",
        "keep_log.sh",
        "prepare.sh",
        "start.sh",
        "unit.sh",
        *UNITS,
    }


@pytest.mark.parametrize("script", ["disks.sh", "keep_log.sh", "prepare.sh", "start.sh", "unit.sh", "fetch"])
def test_script_passes_shellcheck(script: str, tmp_path: Path) -> None:
    path = packaged(script)
    if script == "fetch":
        path = tmp_path / script
        path.write_text(written(FETCH)["content"])
    done = subprocess.run([SHELLCHECK, "--norc", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


# ── The units ──


def test_machine_goes_off_with_its_worker() -> None:
    lines = unit("foreverus-worker.service")
    assert "ExecStopPost=+/usr/bin/systemctl --no-block poweroff --force" in lines
    assert {"Restart=no", "WatchdogSec=120", "WatchdogSignal=SIGKILL"} <= set(lines)
    posts = [line for line in lines if line.startswith("ExecStopPost=")]
    assert posts[0].startswith("ExecStopPost=-+/bin/bash ") and posts[0].endswith("/keep_log.sh") and len(posts) == 2


def containers() -> dict[str, str]:
    """The options of each container that the machine runs: the engine's, and the one that asks the hub."""
    (engine,) = [line for line in unit("foreverus-engine.service") if line.startswith("ExecStart=")]
    hub = packaged("prepare.sh").read_text().replace("\\\n", " ").split("docker run ")[1].split(" --entrypoint ")[0]
    user = re.search(r"^user=(\d+)", packaged("prepare.sh").read_text(), re.MULTILINE)
    assert user
    return {
        "engine": engine.split(" docker run ")[-1].split(" --entrypoint ")[0],
        "hub": re.sub(r" +", " ", hub).replace('"$user"', user[1]),
    }


@pytest.mark.parametrize("name", ["engine", "hub"])
def test_container_may_do_nothing_that_it_does_not_need(name: str) -> None:
    options = containers()[name]
    for option in ("--user 2000", "--cap-drop ALL", "--security-opt no-new-privileges", "--read-only", "--pull never"):
        assert f" {option} " in f" {options} ", option
    assert re.search(r"--pids-limit [1-9]\d*\b", options)
    assert not re.findall(r"--(privileged|publish|ipc|pid|cap-add|device)\b", options)
    sources = re.findall(r'--volume "?([^:]+):', options)
    assert sources and all(source.startswith(("/opt/foreverus/", "$weights/")) for source in sources), "no socket"


def test_engine_has_no_way_out_and_can_change_none_of_its_weights() -> None:
    options = containers()["engine"]
    assert "--network foreverus-engine " in options and "--env HF_HUB_OFFLINE=1" in options
    assert "--env VLLM_HOST_IP=127.0.0.1 " in options, "it asks for the way out to learn its own address"
    assert re.search(r"docker network create --internal .*foreverus-engine$", packaged("prepare.sh").read_text(), re.M)
    assert [v for v in re.findall(r"--volume (\S+)", options) if not v.endswith(":ro")] == [
        "/opt/foreverus/compiled:/compiled"
    ]
    assert "--gpus" not in containers()["hub"] and "--network" not in containers()["hub"]


def test_worker_finds_the_engine_where_its_network_has_it() -> None:
    options = containers()["engine"]
    (address,) = re.findall(r"--ip (\S+)", options)
    assert variables("/etc/foreverus/worker.env")["ENGINE_URL"] == f"http://{address}:8000"
    subnet = re.search(r"--subnet (\S+)", packaged("prepare.sh").read_text())
    assert subnet and ip_address(address) in list(ip_network(subnet[1]).hosts())[1:], "the first one is the machine's"


def test_engine_says_little_and_may_finish() -> None:
    (start,) = [line for line in unit("foreverus-engine.service") if line.startswith("ExecStart=")]
    assert "--quantization" not in start  # it picks Marlin by itself
    assert "--no-enable-log-requests" in start, "journal and console hold no prompts"
    assert "--revision ${MODEL_REVISION} --tokenizer-revision ${MODEL_REVISION} --load-format safetensors" in start
    assert "--shutdown-timeout 110" in start
    assert "ExecStop=/usr/bin/docker stop --time 120 foreverus-engine" in unit("foreverus-engine.service")


def test_engine_finds_the_chat_template_that_the_package_brings() -> None:
    (start,) = [line for line in unit("foreverus-engine.service") if line.startswith("ExecStart=")]
    places = {folder: inside for folder, inside, _ in re.findall(r"--volume (\S+):(\S+):(ro)", start)}
    inside = places["/opt/foreverus/package/foreverus/machine"]
    assert " $ENGINE_FLAGS " in start, "without braces: systemd cuts it into words"
    assert f"--chat-template {inside}/chat_template.jinja" in flags("off")


def test_engine_knows_tool_calls_as_the_tables_of_parameters_say() -> None:
    (start,) = [line for line in unit("foreverus-engine.service") if line.startswith("ExecStart=")]
    assert [one.gpu for one in KNOWN[CHAT] if one.name == "tools"] == [Support.DONE]
    assert "--enable-auto-tool-choice --exclude-tools-when-tool-choice-none" in start
    assert "--tool-call-parser mistral" in flags("off")


def flags(family: str) -> str:
    return str(template()["Mappings"]["Engines"][family]["Flags"])


def test_a_model_that_sees_is_started_with_what_it_needs_and_reckoned_with_as_it_is_started() -> None:
    families = template()["Parameters"]["GpuModelSees"]["AllowedValues"]
    assert families == ["off", *SIGHTS] == list(template()["Mappings"]["Engines"])
    assert template()["Parameters"]["GpuModelSees"]["Default"] == "off", "the default model sees nothing"
    for family in SIGHTS:
        assert f"--limit-mm-per-prompt.image {MOST_IN_ALL} " in flags(family), "a request's, which the API lets in"
        assert "--limit-mm-per-prompt.video 0" in flags(family)
        assert "--chat-template" not in flags(family), "ours has no place for an image"
    assert f"--mm-processor-kwargs.max_pixels {QWEN_MOST_PIXELS}" in flags("qwen-vl")
    assert not any("limit-mm" in flags(one) for one in families if one not in SIGHTS)


@pytest.mark.parametrize("name", UNITS)
def test_every_variable_that_a_unit_uses_is_written_by_user_data(name: str) -> None:
    files = [line.removeprefix("EnvironmentFile=") for line in unit(name) if line.startswith("EnvironmentFile=/etc")]
    known = {variable for path in files for variable in variables(path)}
    used = set(re.findall(r"\$\{?(\w+)", "\n".join(unit(name)))) - {"SERVICE_RESULT"}  # systemd's own
    assert used <= known


# What each of our programs on the machine is held to. What switches the machine off has a + and is held to nothing.
SANDBOX = {
    "NoNewPrivileges=yes",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "ProtectHome=yes",
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectControlGroups=yes",
    "RestrictNamespaces=yes",
    "SystemCallArchitectures=native",
}


@pytest.mark.parametrize("name", ["worker", "weights", "keep-weights"])
def test_our_programs_on_the_machine_may_do_little(name: str) -> None:
    lines = set(unit(f"foreverus-{name}.service"))
    assert lines >= SANDBOX
    (capabilities,) = [line for line in lines if line.startswith("CapabilityBoundingSet=")]
    assert capabilities.removeprefix("CapabilityBoundingSet=") in ("", "CAP_DAC_READ_SEARCH")


def test_nothing_is_written_for_nobody() -> None:
    engine = set(re.findall(r"\$\{?(\w+)", "\n".join(unit("foreverus-engine.service"))))
    written_for_it = set(variables("/etc/foreverus/engine.env"))
    weights = Path(weights_main.__file__).read_text() + packaged("prepare.sh").read_text()
    engine |= set(re.findall(r"\$(MODEL_\w+)", weights))
    assert written_for_it <= engine | set(re.findall(r'environ\["(\w+)"\]', weights))
    assert set(re.findall(r'environ\["(\w+)"\]', weights)) <= written_for_it | set(
        variables("/etc/foreverus/worker.env")
    )


def image(root: Path) -> Path:
    """A root with what our units need of the machine image, and our units in it."""
    units = root / "etc/systemd/system"
    units.mkdir(parents=True)
    for name in IMAGE_UNITS:
        body = "[Service]\nExecStart=/usr/bin/docker\n" if name.endswith(".service") else ""
        (units / name).write_text(f"[Unit]\nDescription={name}\nDefaultDependencies=no\n{body}")
    for program in PROGRAMS:
        path = root / program.removeprefix("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    for name in UNITS:
        shutil.copy(packaged(name), units)
    return units


def verified(root: Path) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", "verify", "--man=no", f"--root={root}", *UNITS]
    return subprocess.run(command, capture_output=True, text=True, check=False)


needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze") and not IN_CI, reason="systemd is not installed")


@needs_systemd
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    image(tmp_path)
    done = verified(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize(
    ("right", "wrong"),
    [("WatchdogSec=120", "WatchdogSecs=120"), ("ExecStart=/opt/foreverus/venv", "ExecStart=/opt/foreverus/env")],
)
def test_systemd_would_see_a_broken_unit(right: str, wrong: str, tmp_path: Path) -> None:
    path = image(tmp_path) / "foreverus-worker.service"
    path.write_text(path.read_text().replace(right, wrong))
    done = verified(tmp_path)
    assert "foreverus-worker.service" in done.stderr


@pytest.mark.parametrize("name", UNITS)
def test_log_reaches_the_console_that_outlives_the_machine(name: str) -> None:
    assert {"StandardOutput=journal+console", "StandardError=journal+console"} <= set(unit(name))


# ── The start, with stand-ins for the machine's programs ──


def stand_in(folder: Path, name: str, script: str) -> None:
    """Another process writes it: what a thread of this one starts meanwhile would have it open for a moment, to write,
    and a program that somebody may write cannot be run (ETXTBSY)."""
    program = folder / name
    program.parent.mkdir(parents=True, exist_ok=True)
    write = ["bash", "-c", 'cat > "$0" && chmod 755 "$0"', str(program)]
    subprocess.run(write, input=f"#!/bin/bash\n{script}\n", text=True, check=True)


def _moved(name: str, opt: Path) -> str:
    """A packaged script with its places below opt's folder."""
    text = packaged(name).read_text()
    return text.replace("/opt/foreverus", str(opt)).replace("/etc/foreverus", str(opt.with_name("etc")))


def boot(
    tmp_path: Path, *, failing: str = "", packaged_start: bool = True, purpose: str = "serve", baked_for: str = ""
) -> str:
    """What user data fetches and runs, for real; returns the calls of the machine's programs, one a line."""
    programs, calls = tmp_path / "bin", tmp_path / "calls"
    for name in (
        "systemctl",
        "systemd-run",
        "aws",
        "curl",
        "apt-get",
        "ln",
        "mkdir",
        "cp",
        "rm",
        "mountpoint",
        "sleep",
        "python3",
        "sha256sum",
    ):
        stand_in(programs, name, f'echo "{name} $*" >> {calls}\n[ "{name}" != "{failing}" ]')
    tag = f'case "$*" in *foreverus:purpose*) echo {purpose} ;; *api/token*) echo token ;; esac'
    stand_in(programs, "curl", f'echo "curl $*" >> {calls}\n{tag}\n[ "curl" != "{failing}" ]')
    opt = tmp_path / "opt"
    stand_in(opt / "venv/bin", "pip", f'echo "pip $*" >> {calls}\n[ "pip" != "{failing}" ]')
    start = opt / "package/foreverus/machine/start.sh"
    if packaged_start:
        stand_in(start.parent, start.name, _moved("start.sh", opt))
    settings = tmp_path / "etc"
    settings.mkdir()
    (settings / "worker.env").write_text("MAX_SESSION_SECONDS=14400\nAWS_DEFAULT_REGION=here\nDATA_BUCKET=data\n")
    (settings / "machine.env").write_text("PACKAGE_KEY=worker/0a.zip\nPACKAGE_SHA256=0a\n")
    (settings / "engine.env").write_text("ENGINE_IMAGE=ours\n")
    if baked_for:
        (opt / "baked").write_text(f"ENGINE_IMAGE={baked_for}\n")
    stand_in(start.parent, "keep_log.sh", f'echo "keep_log" >> {calls}')
    stand_in(start.parent, "disks.sh", f'echo "disks" >> {calls}; exit 1')
    ran = subprocess.run(
        [
            "bash",
            "-c",
            written(FETCH)["content"].replace("/opt/foreverus", str(opt)).replace("/etc/foreverus", str(settings)),
        ],
        env={"PATH": f"{programs}:/usr/bin:/bin"},
        capture_output=True,
        check=False,
        text=True,
    )
    print(ran.stdout, ran.stderr)  # where a test fails
    return calls.read_text()


def test_start_brings_up_engine_and_worker(tmp_path: Path) -> None:
    calls = boot(tmp_path)
    assert "aws s3api get-object --region here --bucket data --key worker/0a.zip " in calls
    assert calls.index("aws s3api") < calls.index("sha256sum --check") < calls.index("python3 -m zipfile")
    units = re.search(r"^cp (.+) /etc/systemd/system/$", calls, re.MULTILINE)
    assert units and calls.index("cp ") < calls.index("systemctl daemon-reload")
    assert calls.index("start --no-block foreverus-image.service") < calls.index("pip install"), "side by side"
    assert "requirements/worker.lock" in calls
    assert calls.rstrip().endswith("systemctl start foreverus-worker.service")
    assert "poweroff" not in calls
    assert calls.index("disks") < calls.index("start --no-block foreverus-image.service"), "before anything is stored"
    assert calls.index("start foreverus-log.service") < calls.index("start --no-block foreverus-image.service")
    assert re.search(r"systemd-run --quiet --on-active=14400s /bin/bash \S+/machine/keep_log.sh", calls)


@pytest.mark.parametrize(
    ("purpose", "baked_for", "on_own_disk"),
    [("serve", "", True), ("serve", "another", True), ("serve", "ours", False), ("bake", "", False)],
)
def test_what_is_prepared_is_on_the_instances_own_disk_but_for_a_bake_and_its_image(
    tmp_path: Path, purpose: str, baked_for: str, on_own_disk: bool
) -> None:
    calls = boot(tmp_path, purpose=purpose, baked_for=baked_for)
    opt, engine = tmp_path / "opt", tmp_path / "etc/engine.env"
    assert ("disks\n" in calls) == on_own_disk
    assert (f"rm -rf {opt}/baked {opt}/weights" in calls) == on_own_disk, "of another model, or nothing"
    assert (f"cp {engine} {opt}/baked" in calls) == (purpose == "bake")
    assert calls.rstrip().endswith("systemctl start foreverus-worker.service")


def test_package_of_a_baked_image_is_not_mixed_with_the_deployed_one(tmp_path: Path) -> None:
    calls = boot(tmp_path)
    assert calls.index(f"rm -rf {tmp_path}/opt/package") < calls.index("python3 -m zipfile")


@pytest.mark.parametrize("failing", ["aws", "sha256sum", "python3", "cp", "pip"])
def test_machine_that_cannot_start_goes_off(tmp_path: Path, failing: str) -> None:
    calls = boot(tmp_path, failing=failing)
    assert calls.rstrip().endswith("keep_log\nsystemctl --no-block poweroff --force"), "its log first, then its end"
    assert "start foreverus-worker.service" not in calls


def test_machine_whose_package_brings_no_start_script_goes_off(tmp_path: Path) -> None:
    assert boot(tmp_path, packaged_start=False).rstrip().endswith("systemctl --no-block poweroff --force")


# ── The disks, with stand-ins for mount and systemctl ──

NVME_LINK = "nvme-Amazon_EC2_NVMe_Instance_Storage_AWS1234"


def disks(tmp_path: Path, *, mounted_after: int = 0, has_nvme: bool = True, failing: str = "") -> list[str]:
    """Runs disks.sh for real below a folder; `mounted_after`: so many looks later. Returns the programs' calls."""
    root, programs, calls = tmp_path / "root", tmp_path / "bin", tmp_path / "calls"
    links = root / "dev/disk/by-id"
    links.mkdir(parents=True, exist_ok=True)
    if has_nvme:
        (links / NVME_LINK).touch()
    looks = tmp_path / "looks"
    mounted = f'echo x >> {looks}; [ "$(wc -l < {looks})" -gt {mounted_after} ]' if has_nvme else "false"
    stand_in(programs, "mountpoint", mounted)
    for name in ("systemctl", "mount", "umount", "sleep"):
        once = f'[ "{failing}" != "{name} $1" ] || [ -e {tmp_path}/failed ] || {{ touch {tmp_path}/failed; exit 1; }}'
        stand_in(programs, name, f'echo "{name} $*" >> {calls}\n{once}')
    given = {"PATH": f"{programs}:/usr/bin:/bin", "ROOT": str(root)}
    done = subprocess.run(["bash", packaged("disks.sh")], env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (root / "opt/foreverus/weights").is_dir(), "weights have a place in any case"
    return calls.read_text().replace(str(root), "").splitlines() if calls.exists() else []


STOP = "systemctl stop docker.socket docker.service containerd.service"
BEGIN = "systemctl start containerd.service docker.service"
BINDS = [f"mount --bind /opt/dlami/nvme/{name} /var/lib/{name}" for name in ("containerd", "docker")]


@pytest.mark.parametrize("mounted_after", [0, 3])
def test_image_and_weights_are_on_the_instances_own_disk(mounted_after: int, tmp_path: Path) -> None:
    (tmp_path / "root/opt/foreverus").mkdir(parents=True)
    calls = disks(tmp_path, mounted_after=mounted_after)
    assert calls == ["sleep 1"] * mounted_after + [STOP, *BINDS, BEGIN], "docker writes nothing before it has moved"
    weights = tmp_path / "root/opt/foreverus/weights"
    assert weights.is_symlink() and weights.resolve() == tmp_path / "root/opt/dlami/nvme/weights"


def test_disk_that_is_never_mounted_is_not_waited_for_without_end(tmp_path: Path) -> None:
    assert disks(tmp_path, mounted_after=1000) == ["sleep 1"] * 30
    assert not (tmp_path / "root/opt/foreverus/weights").is_symlink()


def test_machine_without_such_a_disk_waits_for_none(tmp_path: Path) -> None:
    (tmp_path / "root/opt/dlami/nvme").mkdir(parents=True)  # a folder says nothing
    assert disks(tmp_path, has_nvme=False) == []


def test_docker_that_does_not_start_there_goes_back(tmp_path: Path) -> None:
    (tmp_path / "root/opt/foreverus").mkdir(parents=True)
    calls = disks(tmp_path, failing="systemctl start")
    back = ["umount /var/lib/containerd", "umount /var/lib/docker"]
    reset = "systemctl reset-failed docker.service containerd.service"
    assert calls == [STOP, *BINDS, BEGIN, STOP, *back, reset, BEGIN]


def test_folder_that_cannot_be_moved_stays_and_docker_starts(tmp_path: Path) -> None:
    (tmp_path / "root/opt/foreverus").mkdir(parents=True)
    assert disks(tmp_path, failing="mount --bind") == [STOP, *BINDS, BEGIN]


# ── The units' own words, with stand-ins for docker and the journal ──


def step(tmp_path: Path, script: str, *words: str, docker: str = "", **env: str) -> tuple[int, str, str]:
    """Runs a packaged script for real: its status, the file that it left, docker's calls."""
    programs, calls = tmp_path / "bin", tmp_path / "calls"
    stand_in(programs, "docker", f'echo "$*" >> {calls}\n{docker}')
    stand_in(programs, "journalctl", "echo first; echo last")
    stand_in(programs, "sleep", "")
    env |= {"PATH": f"{programs}:/usr/bin:/bin", "MACHINE_DIR": str(tmp_path / "run"), "ENGINE_IMAGE": "an:image"}
    done = subprocess.run(["bash", packaged(script), *words], env=env, capture_output=True, text=True, check=False)
    said = tmp_path / "run" / next((name for name in ("engine", "weights", "image") if name in words), "none")
    return done.returncode, said.read_text() if said.exists() else "", calls.read_text() if calls.exists() else ""


@pytest.mark.parametrize(("status", "code"), [("125", 125), ("0", 0), ("KILL", 137), ("SEGV", 139), ("", 128)])
def test_unit_that_ended_says_how_and_what_it_said_last(status: str, code: int, tmp_path: Path) -> None:
    _, said, _ = step(tmp_path, "unit.sh", "engine", "ended", EXIT_STATUS=status)
    assert said == f"failed {code}\nfirst\nlast\n"


PULL_FAILS = '[ "$1" = pull ] || exit 1; echo "{0}" >&2; exit 1'


@pytest.mark.parametrize(
    ("said", "pulls"),
    [("manifest unknown", 1), ("pull access denied", 1), ("TLS handshake timeout", 5), ("toomanyrequests", 5)],
)
def test_image_is_pulled_again_where_that_can_help(said: str, pulls: int, tmp_path: Path) -> None:
    status, state, calls = step(tmp_path, "prepare.sh", "image", docker=PULL_FAILS.format(said))
    assert (status, state, calls.count("pull --quiet an:image")) == (1, "working\n", pulls)


def test_image_that_is_there_is_not_pulled(tmp_path: Path) -> None:
    status, state, calls = step(tmp_path, "prepare.sh", "image")
    assert (status, state) == (0, "prepared\n") and "pull" not in calls


def test_image_that_comes_is_ready(tmp_path: Path) -> None:
    assert step(tmp_path, "prepare.sh", "image", docker='[ "$1" = pull ]')[:2] == (0, "ready\n")


@pytest.mark.parametrize(
    ("python", "word"), [("echo ready", "ready"), ("echo prepared", "prepared"), ("exit 1", "ready")]
)
def test_weights_never_fail_a_boot(python: str, word: str, tmp_path: Path) -> None:
    stand_in(tmp_path, "python", f"cp {tmp_path}/run/weights {tmp_path}/before 2> /dev/null\n{python}")
    given = {"PYTHON": str(tmp_path / "python"), "WEIGHTS_DIR": str(tmp_path / "weights")}
    assert step(tmp_path, "prepare.sh", "weights", **given)[:2] == (0, f"{word}\n")
    assert (tmp_path / "before").read_text() == "working\n"


def test_weights_that_are_there_are_never_shown_as_on_their_way(tmp_path: Path) -> None:
    stand_in(tmp_path, "python", f"! [ -e {tmp_path}/run/weights ] && echo prepared")
    ready = tmp_path / "weights/kept/ready.json"
    ready.parent.mkdir(parents=True)
    ready.write_text("{}")
    given = {"PYTHON": str(tmp_path / "python"), "WEIGHTS_DIR": str(tmp_path / "weights")}
    assert step(tmp_path, "prepare.sh", "weights", **given)[:2] == (0, "prepared\n")


FROM_HUB = {"MODEL_SOURCE": "a/b", "MODEL_REPOSITORY": "a/b", "MODEL_REVISION": "main"}
SAYS = 'echo "python $*" >> {0}/calls; case "$*" in *patterns) printf "*.json *.txt" ;; esac'


def hub(tmp_path: Path, docker: str = "", python: str = "", **env: str) -> tuple[int, list[str]]:
    stand_in(tmp_path, "python", SAYS.format(tmp_path) + "\n" + python)
    given = FROM_HUB | {"PYTHON": str(tmp_path / "python"), "WEIGHTS_DIR": "/w"} | env
    status, _, calls = step(tmp_path, "prepare.sh", "hub", docker=docker, **given)
    return status, calls.splitlines()


def test_weights_that_are_in_a_folder_are_not_asked_for_at_the_hub(tmp_path: Path) -> None:
    assert hub(tmp_path, MODEL_SOURCE="/weights/kept/a/b/c") == (0, [])


def test_hub_is_asked_for_our_kinds_of_files_and_what_came_is_checked_before_the_engine_is_told(tmp_path: Path) -> None:
    status, calls = hub(tmp_path)
    assert status == 0 and calls[0] == "python -m foreverus.worker.weights patterns"
    assert calls[1].startswith("run --rm ") and "an:image -c" in calls[1]
    assert calls[-2].endswith(" a/b main *.json *.txt")
    assert calls[-1] == "python -m foreverus.worker.weights settle"


def test_hub_that_fails_for_a_moment_is_asked_again(tmp_path: Path) -> None:
    status, calls = hub(tmp_path, docker=f"[ -e {tmp_path}/once ] || {{ touch {tmp_path}/once; exit 1; }}")
    assert status == 0 and sum(line.startswith("run --rm") for line in calls) == 2


def test_engine_does_not_start_on_a_download_that_failed_or_is_wrong(tmp_path: Path) -> None:
    status, calls = hub(tmp_path, docker="exit 1")
    assert status == 1 and sum(line.startswith("run --rm") for line in calls) == 3
    assert not any("settle" in line for line in calls)
    (tmp_path / "calls").unlink()
    assert hub(tmp_path, python='case "$*" in *settle) exit 1 ;; esac')[0] == 1


@pytest.mark.parametrize("there", [True, False])
def test_network_is_made_once_and_lets_the_container_call_nobody(there: bool, tmp_path: Path) -> None:
    for program in ("iptables", "chown"):
        stand_in(tmp_path / "bin", program, f'echo "{program} $*" >> {tmp_path}/calls')
    docker = "" if there else '[ "$2" != inspect ]'
    given = {"WEIGHTS_DIR": str(tmp_path / "w"), "COMPILED_DIR": str(tmp_path / "c")}
    status, _, said = step(tmp_path, "prepare.sh", "engine", docker=docker, **given)
    calls = said.splitlines()
    assert status == 0
    assert ("network create --internal" in said) != there
    assert "iptables --insert INPUT --in-interface foreverus0 --match conntrack --ctstate NEW --jump DROP" in calls
    assert calls[-1] == f"chown -R 2000 {tmp_path}/w/hub {tmp_path}/c"
    assert (tmp_path / "w/hub").is_dir() and (tmp_path / "c").is_dir()


def test_machine_without_a_firewall_still_serves(tmp_path: Path) -> None:
    stand_in(tmp_path / "bin", "iptables", "exit 1")
    stand_in(tmp_path / "bin", "chown", "")
    given = {"WEIGHTS_DIR": str(tmp_path / "w"), "COMPILED_DIR": str(tmp_path / "c")}
    assert step(tmp_path, "prepare.sh", "engine", **given)[0] == 0


def test_engine_waits_for_its_weights_and_lives_without_them() -> None:
    lines = unit("foreverus-engine.service")
    assert any(line.startswith("After=") and "foreverus-weights.service" in line for line in lines)
    assert not any(line.startswith("Requires=") and "weights" in line for line in lines), "the hub has them too"
    assert any(line.startswith("TimeoutStartSec=") and line != "TimeoutStartSec=infinity" for line in unit(WEIGHTS))
    files = [line for line in lines if line.startswith("EnvironmentFile=")]
    places = WeightPlaces(Path("/opt/foreverus/weights"), Path(variables("/etc/foreverus/worker.env")["MACHINE_DIR"]))
    assert files[-1] == f"EnvironmentFile=-{places.told}", "the last one wins"
    (start,) = [line for line in lines if line.startswith("ExecStart=")]
    assert f"--volume {places.weights}:{IN_CONTAINER}:ro " in start and " serve ${MODEL_SOURCE} " in start
    env = variables("/etc/foreverus/engine.env")
    assert env["MODEL_SOURCE"] == env["MODEL_REPOSITORY"]
    assert places.hub(ModelSource("a/b", "main")).parent == places.weights / "hub"


def test_filling_the_bucket_holds_nothing_up() -> None:
    lines = set(unit("foreverus-keep-weights.service"))
    assert {"Nice=19", "CPUSchedulingPolicy=idle", "IOSchedulingClass=idle"} <= lines
    assert {"KillSignal=SIGKILL", "TimeoutStopSec=1", "Restart=no"} <= lines
    waiting = [line for name in UNITS for line in unit(name) if line.startswith(("After=", "Requires="))]
    assert not any("foreverus-keep-weights" in line for line in waiting)


# ── The log's last lines, with a stand-in for the machine's Python ──


def keep_log(tmp_path: Path, python: str, limit_s: str = "5") -> tuple[int, str]:
    """Runs it for real: its status, and what the program was given."""
    programs, settings = tmp_path / "bin", tmp_path / "etc"
    settings.mkdir(exist_ok=True)
    (settings / "worker.env").write_text("AWS_DEFAULT_REGION=us-east-1\nWEBSOCKET_CALLBACK_URL=https://x/v1\n")
    (settings / "machine.env").write_text(written("/etc/foreverus/machine.env")["content"])
    stand_in(programs, "journalctl", 'echo "$2 $5"; [ "$2" != foreverus-weights.service ]')
    stand_in(programs, "python3", python.replace("OUT", str(tmp_path / "given")))
    env = {"PATH": f"{programs}:/usr/bin:/bin", "MACHINE_DIR": str(tmp_path / "run"), "LIMIT_S": limit_s}
    env["SETTINGS_DIR"] = str(settings)
    done = subprocess.run(["bash", packaged("keep_log.sh")], env=env, capture_output=True, text=True, check=False)
    given = tmp_path / "given"
    return done.returncode, given.read_text() if given.exists() else ""


GIVEN = '(echo "$*"; echo "$AWS_DEFAULT_REGION $PYTHONPATH"; cat) >> OUT'


def test_each_units_last_lines_are_kept_once(tmp_path: Path) -> None:
    for _ in range(2):
        status, given = keep_log(tmp_path, GIVEN)
        assert status == 0
    program, place, *lines = given.splitlines()
    assert program == "-m foreverus.worker.last_log the-MachineLog", "and once: the second run found it done"
    assert place == f"us-east-1 {MACHINE.parents[1]}"
    assert lines == [
        f"{unit}.service 200"
        for unit in ("foreverus-engine", "foreverus-worker", "foreverus-image", "foreverus-weights", "cloud-final")
    ]


@pytest.mark.parametrize("python", ["exit 1", "kill -9 $$", "sleep 1000"])
def test_a_log_that_cannot_be_kept_holds_no_end_up(python: str, tmp_path: Path) -> None:
    assert keep_log(tmp_path, python, limit_s="0.1")[0] == 0


# ── The chat template ──


def chat(*messages: tuple[str, str], answer: bool = True) -> str:
    """Renders as vLLM does: transformers' sandbox and options."""
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    compiled = environment.from_string(packaged("chat_template.jinja").read_text())
    return compiled.render(
        messages=[{"role": role, "content": content} for role, content in messages],
        bos_token="<s>",
        eos_token="</s>",
        add_generation_prompt=answer,
    )


CALLS = [{"id": "chatcmpl-tool-abcdef123", "type": "function", "function": {"name": "add", "arguments": {"a": 1}}}]
CALLED = '[TOOL_CALLS] [{"name": "add", "arguments": {"a": 1}, "id": "abcdef123"}]</s>'
TOOLS = [{"type": "function", "function": {"name": "add", "parameters": {}}}]
SHOWN = '[AVAILABLE_TOOLS] [{"type": "function", "function": {"name": "add", "parameters": {}}}][/AVAILABLE_TOOLS]'
RESULT = {"role": "tool", "tool_call_id": "chatcmpl-tool-abcdef123", "content": '"3" é'}


@pytest.mark.parametrize(
    ("messages", "read"),
    [
        ([{"role": "user", "content": "1+1?"}], f"<s>{SHOWN}[INST] 1+1?[/INST]"),
        (
            [{"role": "system", "content": "S"}, {"role": "user", "content": "A"}, {"role": "user", "content": "B"}],
            f"<s>{SHOWN}[INST] S\n\nA\n\nB[/INST]",
        ),
        (
            [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": None, "tool_calls": CALLS}, RESULT],
            f"<s>{SHOWN}[INST] 1+1?[/INST]{CALLED}"
            '[TOOL_RESULTS] {"content": "\\"3\\" é", "call_id": "abcdef123"}[/TOOL_RESULTS]',
        ),
        (
            [
                {"role": "user", "content": "1+1?"},
                {"role": "assistant", "content": "Well.", "tool_calls": [*CALLS, *CALLS]},
                RESULT,
                {"role": "assistant", "content": "3"},
                {"role": "user", "content": "Sure?"},
            ],
            "<s>[INST] 1+1?[/INST] Well."
            '[TOOL_CALLS] [{"name": "add", "arguments": {"a": 1}, "id": "abcdef123"}, '
            '{"name": "add", "arguments": {"a": 1}, "id": "abcdef123"}]</s>'
            '[TOOL_RESULTS] {"content": "\\"3\\" é", "call_id": "abcdef123"}[/TOOL_RESULTS] 3</s>'
            f"{SHOWN}[INST] Sure?[/INST]",
        ),
    ],
)
def test_tools_their_calls_and_their_results_are_told_to_the_model(messages: list[object], read: str) -> None:
    """As version 3 of its tokenizer has them. vLLM has read a call's arguments."""
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = partial(json.dumps, ensure_ascii=False)  # transformers' own
    compiled = environment.from_string(packaged("chat_template.jinja").read_text())
    given = {"bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": True}
    assert compiled.render(messages=messages, tools=TOOLS, **given) == read
    assert "[AVAILABLE_TOOLS]" not in compiled.render(messages=messages, tools=None, **given)


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


@pytest.mark.parametrize(
    "messages",
    [
        [("system", "Be brief."), ("user", "Hi")],
        [("system", " Be brief.\n"), ("system", "In French."), ("user", "Hi ")],
        [("user", "One"), ("user", "Two")],
        [("user", "Hi"), ("assistant", " A "), ("assistant", "B"), ("user", "C")],
        [("user", "Hi"), ("assistant", "Hello"), ("system", "Now in French."), ("user", "Bye")],
        [("system", "S"), ("assistant", "Hello."), ("user", "Hi")],
        [("system", "Write a poem.")],
    ],
)
def test_what_bedrock_is_asked_is_what_the_engine_reads(messages: list[tuple[str, str]]) -> None:
    """Bedrock's own template takes turns that alternate: folded and joined, they are the same text as ours."""
    asked = converse.turns(Prompt(tuple(Message(*one) for one in messages)))
    assert chat(*((turn["role"], turn["content"][0]["text"]) for turn in asked)) == chat(*messages)
