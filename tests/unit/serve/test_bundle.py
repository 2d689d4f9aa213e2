"""The zip for Elastic Beanstalk, and what stands in hosting/beanstalk."""

import re
import zipfile
from pathlib import Path

import pytest
import yaml

from foreverus.serve import bundle
from foreverus.serve.gateway import MOST_BODY_BYTES
from foreverus.serve.stack import HostNeeds

ROOT = Path(__file__).parents[3]
OPTIONS = ROOT / "hosting" / "beanstalk"
NEEDS = HostNeeds("two", "1", {"TABLE_NAME": "t", "TEXT": "a b"}, {})


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "files" / "foreverus").mkdir(parents=True)
    (tmp_path / "files" / "foreverus" / "__init__.py").write_text("x = 1")
    return tmp_path / "files"


def test_it_has_the_code_the_options_and_the_stacks_settings(files: Path, tmp_path: Path) -> None:
    bundle.write(NEEDS, files, OPTIONS, tmp_path / "one.zip")
    with zipfile.ZipFile(tmp_path / "one.zip") as zipped:
        assert set(zipped.namelist()) == {
            *("Procfile", "run.sh", "settings.env", "foreverus/__init__.py"),
            *(".ebextensions/foreverus.config", ".platform/nginx/conf.d/foreverus.conf"),
        }
        assert zipped.read("settings.env").decode() == "TABLE_NAME=t\nTEXT='a b'\n"
        said = yaml.safe_load(zipped.read(".ebextensions/foreverus.config"))["option_settings"]
    assert said["aws:autoscaling:launchconfiguration"]["IamInstanceProfile"] == "two-host-beanstalk"
    assert said["aws:elasticbeanstalk:environment"] == {"EnvironmentType": "SingleInstance"}


def test_the_same_makes_the_same(files: Path, tmp_path: Path) -> None:
    for name in ("one.zip", "two.zip"):
        bundle.write(NEEDS, files, OPTIONS, tmp_path / name)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    assert not list(tmp_path.glob("*.new"))


def test_nginx_leaves_it_to_the_process_to_refuse_a_body() -> None:
    """Else people read nginx's page. The process reads twice its limit, and then says no."""
    text = (OPTIONS / ".platform/nginx/conf.d/foreverus.conf").read_text()
    (megabytes,) = re.findall(r"client_max_body_size (\d+)m;", text)
    assert int(megabytes) << 20 > 2 * MOST_BODY_BYTES
    assert "proxy_buffering off;" in text


def test_a_stack_that_is_not_there_makes_no_zip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nothing(region: str | None) -> object:
        raise bundle.CannotLook("cloudformation:list_stack_resources", "ValidationError", "no such stack")

    monkeypatch.setattr(bundle, "own_account", nothing)
    assert bundle.main([str(tmp_path), str(OPTIONS), str(tmp_path / "a.zip")]) == 1
    assert "no such stack" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_locks_that_are_installed_on_top_of_each_other_agree() -> None:
    pinned: dict[str, set[str]] = {}
    for name in ("worker", "lambda", "authorizer", "web"):
        for package, version in re.findall(
            r"^([\w.-]+)==(\S+)", (ROOT / f"requirements/{name}.lock").read_text(), re.M
        ):
            pinned.setdefault(package, set()).add(version)
    assert {package: found for package, found in pinned.items() if len(found) > 1} == {}
