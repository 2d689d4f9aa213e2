"""Downloads an image's weights while it is built: each file by its SHA-256, or nothing of it stays.

python fetch.py LIST FOLDER: of lines `sha256 file address`.
"""

import hashlib
import sys
import time
import urllib.request
from pathlib import Path

TRIES, AGAIN_S = 5, 3.0


def fetch(digest: str, file: Path, address: str) -> None:
    """Raises SystemExit where the file is another one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    found = hashlib.sha256()
    with urllib.request.urlopen(address, timeout=60) as answer, file.open("wb") as out:  # noqa: S310
        while piece := answer.read(1 << 20):
            found.update(piece)
            out.write(piece)
    if found.hexdigest() != digest:
        file.unlink()
        raise SystemExit(f"{address} is {found.hexdigest()}, and not {digest}: nothing of it is used.")


def main() -> None:
    wanted, folder = Path(sys.argv[1]), Path(sys.argv[2])
    for line in wanted.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        digest, name, address = line.split()
        for attempt in range(TRIES):
            try:
                fetch(digest, folder / name, address)
                break
            except OSError as err:
                if attempt == TRIES - 1:
                    raise SystemExit(f"{address} cannot be fetched: {err}") from err
                time.sleep(AGAIN_S)


if __name__ == "__main__":
    main()
