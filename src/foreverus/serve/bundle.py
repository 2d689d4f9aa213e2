"""The zip that Elastic Beanstalk takes: code and packages as src/Makefile puts them together, what Beanstalk is told
(hosting/beanstalk/), and the settings of one stack. `make beanstalk` writes it.
"""

import argparse
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from foreverus.aws.account import CannotLook, own_account
from foreverus.serve.stack import HostKind, HostNeeds, SettingsDiffer, read, role_name, settings_file

SETTINGS, ROLE = "settings.env", "@ROLE@"
ALWAYS = (1980, 1, 1, 0, 0, 0)  # the oldest time of a zip: the same content makes the same file


def write(needs: HostNeeds, files: Path, options: Path, target: Path) -> None:
    """`files`: the process's code and packages. `options`: what Beanstalk is told of it. Deterministic."""
    role = role_name(needs.stack, HostKind.BEANSTALK)
    told = {name: path.read_text(encoding="utf-8").replace(ROLE, role) for name, path in _found(options)}
    told[SETTINGS] = settings_file(needs.settings)
    packed: dict[str, bytes] = {name: path.read_bytes() for name, path in _found(files)}
    _zip({**packed, **{name: text.encode() for name, text in told.items()}}, target)


def _found(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path


def _zip(content: Mapping[str, bytes], target: Path) -> None:
    """Whole or not at all."""
    new = target.with_suffix(".new")
    with zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as out:
        for name in sorted(content):
            entry = zipfile.ZipInfo(name, ALWAYS)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(entry, content[name])
    new.replace(target)


def main(arguments: Sequence[str] | None = None) -> int:
    """0, or 1 with the reason where AWS does not say."""
    parser = argparse.ArgumentParser(prog="python -m foreverus.serve.bundle", description=__doc__)
    parser.add_argument("files", type=Path, help="folder of the process's code and packages")
    parser.add_argument("options", type=Path, help="folder of what Beanstalk is told")
    parser.add_argument("target", type=Path, help="the zip")
    parser.add_argument("--stack", default="foreverus", help="the stack's name (foreverus)")
    parser.add_argument("--region", help="the stack's region (that of the AWS CLI)")
    given = parser.parse_args(arguments)
    try:
        needs = read(own_account(given.region), given.stack)
    except (CannotLook, SettingsDiffer) as err:
        sys.stderr.write(f"The stack's settings are not to be had: {err}\n")
        return 1
    write(needs, given.files, given.options, given.target)
    sys.stdout.write(f"{given.target}: deploy it as docs/hosting.md says.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
