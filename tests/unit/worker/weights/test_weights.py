"""Weights in the bucket: filled once, whole or not used, checked at every boot, the hub whenever anything is wrong."""

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from foreverus.aws.large_objects import Already, LargeObjects
from foreverus.worker.units import Word
from foreverus.worker.weights import __main__ as program
from foreverus.worker.weights.fetch import fetch
from foreverus.worker.weights.hub import ASK_S, commit_of, names_of, settle
from foreverus.worker.weights.keep import HEAD_START_S, keep, wait_for_engine
from foreverus.worker.weights.manifest import KINDS, Manifest, ModelSource, WeightFile, WrongManifest
from foreverus.worker.weights.places import IN_CONTAINER, WeightPlaces, git_blob_of, hub_files
from tests.unit.conftest import Aws

COMMIT, OTHER = "a" * 40, "b" * 40
SOURCE = ModelSource("owner/model", "main")
FILES = {
    "config.json": b'{"architectures": ["MistralForCausalLM"]}',
    "tokenizer/merges.txt": b"a b\n",
    "model-1.safetensors": b"\x01" * 70_000,
    "model-2.safetensors": b"\x02" * 90_000,
    "model.safetensors.index.json": json.dumps(
        {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    ).encode(),
}
LARGE = "model-1.safetensors"
FROM_HUB = "MODEL_SOURCE=owner/model\nMODEL_REVISION=main\n"
PINNED_HUB = f"MODEL_SOURCE=owner/model\nMODEL_REVISION={COMMIT}\n"
FROM_HUB_HERE = f"MODEL_SOURCE={IN_CONTAINER}/hub/models--owner--model/snapshots/{COMMIT}\nMODEL_REVISION={COMMIT}\n"
FROM_BUCKET = f"MODEL_SOURCE={IN_CONTAINER}/kept/owner/model/{COMMIT}\nMODEL_REVISION={COMMIT}\n"


@pytest.fixture
def objects(aws: Aws) -> LargeObjects:
    return LargeObjects(boto3.client("s3"), aws.data_bucket)


@pytest.fixture
def machine(tmp_path: Path) -> Callable[[str], WeightPlaces]:
    """A new machine of that name."""
    return lambda name: WeightPlaces(tmp_path / name / "weights", tmp_path / name / "run")


def load_from_hub(places: WeightPlaces, commit: str = COMMIT, source: ModelSource = SOURCE, **changed: bytes) -> None:
    """The hub's download, checked and told to the engine: blobs by their checksums, names that point at them."""
    download(places, commit, **changed)
    settle(source, places)


def download(places: WeightPlaces, commit: str = COMMIT, **changed: bytes) -> None:
    hub = places.hub(SOURCE)
    (hub / "refs").mkdir(parents=True)
    (hub / "blobs").mkdir()
    (hub / "refs/main").write_text(commit)
    for name, data in (FILES | changed).items():
        small = hub / "small"
        small.write_bytes(data)
        blob = hashlib.sha256(data).hexdigest() if name.endswith(".safetensors") else git_blob_of(small)
        small.rename(hub / "blobs" / blob)
        link = hub / "snapshots" / commit / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to("../" * (len(Path(name).parts) + 1) + f"blobs/{blob}")


def hub_is_silent(source: ModelSource, commit: str) -> None:
    return None


def boot(objects: LargeObjects, places: WeightPlaces, source: ModelSource = SOURCE) -> tuple[Word, str]:
    """How the weights came, and what the engine is told."""
    word = fetch(objects, source, places, hub_is_silent)
    return word, places.told.read_text()


def first_boot(objects: LargeObjects, places: WeightPlaces, commit: str = COMMIT) -> bool:
    boot(objects, places)
    load_from_hub(places, commit)
    return keep(objects, SOURCE, places)


def served(places: WeightPlaces, commit: str = COMMIT) -> dict[str, bytes]:
    folder = places.kept / "owner/model" / commit
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def held(objects: LargeObjects) -> list[str]:
    found = objects.client.list_objects_v2(Bucket=objects.bucket)
    return sorted(one["Key"] for one in found.get("Contents", []))


def overwrite(objects: LargeObjects, key: str, data: bytes) -> None:
    objects.client.put_object(Bucket=objects.bucket, Key=key, Body=data)


# ── Filled once, then used ──


def test_first_boot_takes_the_hub_and_fills_the_bucket_the_second_takes_the_bucket(
    objects: LargeObjects, machine: Callable[[str], WeightPlaces]
) -> None:
    one, two = machine("one"), machine("two")
    assert boot(objects, one) == (Word.READY, FROM_HUB)
    load_from_hub(one)
    assert one.told.read_text() == FROM_HUB_HERE, "the engine has no network: a folder in any case"
    assert keep(objects, SOURCE, one)
    assert held(objects) == sorted(
        ["weights/owner/model/main/manifest.json", *(f"weights/owner/model/{COMMIT}/{name}" for name in FILES)]
    )
    assert boot(objects, two) == (Word.READY, FROM_BUCKET)
    assert served(two) == FILES
    assert not keep(objects, SOURCE, two), "who did not ask the hub has nothing to fill"


def test_later_boots_are_pinned_to_the_commit_of_the_first_whatever_the_hub_has_by_then(
    objects: LargeObjects, machine: Callable[[str], WeightPlaces]
) -> None:
    first_boot(objects, machine("one"))
    overwrite(objects, f"weights/owner/model/{COMMIT}/{LARGE}", b"broken")
    assert boot(objects, machine("two"))[1] == PINNED_HUB, "from the hub, and still the commit of the manifest"


def test_pinned_revision_is_its_own_commit(objects: LargeObjects, machine: Callable[[str], WeightPlaces]) -> None:
    places, pinned = machine("one"), replace(SOURCE, revision=COMMIT)
    fetch(objects, pinned, places, hub_is_silent)
    load_from_hub(places, source=pinned)
    assert commit_of(pinned, places) == COMMIT == commit_of(SOURCE, places)
    assert keep(objects, pinned, places)
    assert boot(objects, machine("two"), pinned)[1] == FROM_BUCKET
    assert boot(objects, machine("three"))[1] == FROM_HUB, "what is kept for a commit says nothing about main"


def test_weights_that_were_on_the_disk_before_the_boot_are_used_without_the_bucket(
    objects: LargeObjects, machine: Callable[[str], WeightPlaces]
) -> None:
    first_boot(objects, machine("one"))
    places = machine("two")
    boot(objects, places)
    assert boot(LargeObjects(Refusing(), "none"), places) == (Word.PREPARED, FROM_BUCKET)
    (places.kept / "owner/model" / COMMIT / LARGE).write_bytes(b"short")
    assert boot(objects, places) == (Word.READY, FROM_BUCKET), "a part is missing: all of it comes again"
    assert served(places) == FILES


# ── Whatever is wrong: the hub ──


class Refusing:
    """An S3 that takes no call."""

    def __init__(self, error: Exception | None = None):
        refused = {"Error": {"Code": "SlowDown", "Message": "Please reduce your request rate."}}
        self.error = error or ClientError(refused, "GetObject")

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*_: Any, **__: Any) -> Any:
            raise self.error

        return call


@pytest.mark.parametrize(
    "error",
    [
        None,
        ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject"),
        ClientError({"Error": {"Code": "NoSuchBucket", "Message": "no"}}, "GetObject"),
        EndpointConnectionError(endpoint_url="https://s3"),
        TimeoutError(),
    ],
)
def test_s3_that_refuses_is_no_reason_not_to_boot(
    error: Exception | None, machine: Callable[[str], WeightPlaces]
) -> None:
    assert boot(LargeObjects(Refusing(error), "data"), machine("one")) == (Word.READY, FROM_HUB)


@pytest.mark.parametrize("data", [b"", b"x" * 69_999, b"\x03" * 70_000, None])
def test_file_that_is_missing_short_or_other_than_its_checksum_is_not_used_and_is_mended_by_the_next_machine(
    objects: LargeObjects, machine: Callable[[str], WeightPlaces], data: bytes | None
) -> None:
    first_boot(objects, machine("one"))
    key = f"weights/owner/model/{COMMIT}/{LARGE}"
    if data is None:
        objects.client.delete_object(Bucket=objects.bucket, Key=key)
    else:
        overwrite(objects, key, data)
    two = machine("two")
    assert boot(objects, two) == (Word.READY, PINNED_HUB)
    assert served(two) == {} and not list(two.kept.rglob("*.part")), "nothing half is left"
    load_from_hub(two)
    assert keep(objects, SOURCE, two)
    assert boot(objects, machine("three")) == (Word.READY, FROM_BUCKET)


def good_manifest() -> dict[str, Any]:
    files = [
        {"path": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in FILES.items()
    ]
    return {"source": {"repository": "owner/model", "revision": "main"}, "commit": COMMIT, "files": files}


def with_file(**changes: Any) -> dict[str, Any]:
    made = good_manifest()
    made["files"][0] |= changes
    return made


WRONG = [
    b"",
    b"\xff\xfe",
    b"[]",
    b"{}",
    b"null",
    json.dumps(good_manifest()).encode()[:-20],
    good_manifest() | {"commit": "main"},
    good_manifest() | {"commit": None},
    good_manifest() | {"files": []},
    good_manifest() | {"files": good_manifest()["files"][:2]},
    good_manifest() | {"files": [*good_manifest()["files"], good_manifest()["files"][0]]},
    good_manifest() | {"source": {"repository": "someone/else", "revision": "main"}},
    good_manifest() | {"source": {"repository": "owner/model"}},
    *(with_file(path=path) for path in ("../../../etc/passwd", "/etc/passwd", "a/../../b", "", 7, None, "a\0b", "..")),
    *(with_file(size=size) for size in (-1, "5", None, True, 1.5)),
    *(with_file(sha256=text) for text in ("", "0" * 63, "G" * 64, None, 5)),
]


@pytest.mark.parametrize("wrong", WRONG, ids=range(len(WRONG)))
def test_manifest_that_is_no_use_is_not_used_and_stays_until_a_person_has_seen_it(
    objects: LargeObjects, machine: Callable[[str], WeightPlaces], wrong: Any
) -> None:
    data = wrong if isinstance(wrong, bytes) else json.dumps(wrong).encode()
    with pytest.raises(WrongManifest):
        Manifest.from_json(data, SOURCE)
    first_boot(objects, machine("one"))
    overwrite(objects, SOURCE.manifest_key, data)
    two, three = machine("two"), machine("three")
    for places in (two, three):
        assert boot(objects, places)[1] == FROM_HUB
        load_from_hub(places)
        with pytest.raises(WrongManifest, match=r"manifest\.json in the data bucket .* delete it"):
            keep(objects, SOURCE, places)
        assert objects.client.get_object(Bucket=objects.bucket, Key=SOURCE.manifest_key)["Body"].read() == data
    objects.client.delete_object(Bucket=objects.bucket, Key=SOURCE.manifest_key)
    assert keep(objects, SOURCE, two)
    assert boot(objects, machine("four"))[1] == FROM_BUCKET


def test_weights_that_a_stolen_machine_has_put_in_under_the_manifest_of_another_are_not_served(
    objects: LargeObjects, machine: Callable[[str], WeightPlaces]
) -> None:
    """It may write files, with any checksum beside them; the first manifest says which are right."""
    first_boot(objects, machine("one"))
    poison = tmp_file(machine("stolen").weights, b"\x66" * len(FILES[LARGE]))
    objects.upload(poison, f"weights/owner/model/{COMMIT}/{LARGE}", hashlib.sha256(FILES[LARGE]).hexdigest())
    with pytest.raises(Already):
        objects.put_once(SOURCE.manifest_key, b"{}")
    two = machine("two")
    assert boot(objects, two)[1] == PINNED_HUB
    load_from_hub(two)
    assert keep(objects, SOURCE, two), "and are mended"
    assert boot(objects, machine("three"))[1] == FROM_BUCKET


# ── What the hub says of weights from the bucket ──


def names_at_the_hub(places: WeightPlaces, **changed: str) -> dict[str, str]:
    """As the hub's list has them: of a download, its blobs' names."""
    snapshot = places.hub(SOURCE) / "snapshots" / COMMIT
    return {name: (snapshot / name).resolve().name for name in FILES} | changed


def test_weights_that_the_hub_knows_are_used(objects: LargeObjects, machine: Callable[[str], WeightPlaces]) -> None:
    first_boot(objects, machine("one"))
    names, asked = names_at_the_hub(machine("one"), **{"README.md": "0" * 40}), []
    two = machine("two")
    fetch(objects, SOURCE, two, lambda source, commit: asked.append((source, commit)) or names)  # type: ignore[func-returns-value]
    assert two.told.read_text() == FROM_BUCKET and asked == [(SOURCE, COMMIT)]


@pytest.mark.parametrize(
    "changed", [{LARGE: "f" * 64}, {"config.json": "f" * 40}, {LARGE: "f" * 40}, {"config.json": ""}]
)
def test_manifest_that_a_stolen_machine_was_first_to_write_is_not_served_and_named(
    objects: LargeObjects,
    machine: Callable[[str], WeightPlaces],
    changed: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    first_boot(objects, machine("one"))
    names, two = names_at_the_hub(machine("one"), **changed), machine("two")
    assert fetch(objects, SOURCE, two, lambda source, commit: names) is Word.READY
    assert two.told.read_text() == FROM_HUB, "nor is its commit believed"
    assert served(two) == {} and "somebody has put other weights into the bucket" in caplog.text


class Hub:
    """Stands in for urlopen: an answer, or what it raises."""

    def __init__(self, answer: bytes | Exception):
        self.answer, self.asked = answer, []  # type: ignore[var-annotated]

    def __call__(self, url: str, timeout: float) -> Any:
        self.asked.append((url, timeout))
        if isinstance(self.answer, Exception):
            raise self.answer
        return io.BytesIO(self.answer)


def test_hub_is_asked_for_its_list_of_files(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = [
        {"type": "directory", "oid": "d" * 40, "size": 0, "path": "tokenizer"},
        {"type": "file", "oid": "a" * 40, "size": 9, "path": "config.json"},
        {
            "type": "file",
            "oid": "b" * 40,
            "size": 9,
            "path": LARGE,
            "lfs": {"oid": "c" * 64, "size": 9, "pointerSize": 1},
        },
    ]
    hub = Hub(json.dumps(listed).encode())
    monkeypatch.setattr("urllib.request.urlopen", hub)
    assert names_of(SOURCE, COMMIT) == {"config.json": "a" * 40, LARGE: "c" * 64}
    assert hub.asked == [(f"https://huggingface.co/api/models/owner/model/tree/{COMMIT}?recursive=true", ASK_S)]


@pytest.mark.parametrize(
    "answer",
    [
        OSError("no way out"),
        TimeoutError(),
        b"",
        b"<html>",
        b"{}",
        b"[1]",
        b'{"error": "x"}',
        b'[{"type": "file"}]',
        b"7",
    ],
)
def test_hub_that_says_nothing_keeps_no_machine_from_booting(
    answer: bytes | Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("urllib.request.urlopen", Hub(answer))
    assert names_of(SOURCE, COMMIT) is None


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [(404, "RevisionNotFound", {}), (404, "RepoNotFound", None), (401, "RepoNotFound", None), (429, None, None)],
)
def test_commit_that_the_hub_does_not_have_is_nobodys_and_a_repository_that_is_gone_is_no_reason(
    status: int, code: str | None, said: dict[str, str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = Message()
    if code:
        headers["X-Error-Code"] = code
    monkeypatch.setattr("urllib.request.urlopen", Hub(HTTPError("https://hub", status, "no", headers, None)))
    assert names_of(SOURCE, COMMIT) == said


def tmp_file(folder: Path, data: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "file").write_bytes(data)
    return folder / "file"


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "model.pt", "a/x.pth", "code.py", "run.sh", "x.pickle", "README.md"]
)
def test_files_in_which_code_could_hide_come_to_no_engine(machine: Callable[[str], WeightPlaces], name: str) -> None:
    with pytest.raises(WrongManifest, match="is none of"):
        Manifest.from_json(json.dumps(with_file(path=name)).encode(), SOURCE)
    places = machine("one")
    download(places, **{name: b"from the hub"})
    with pytest.raises(WrongManifest, match="is none of"):
        settle(SOURCE, places)
    assert not places.told.exists(), "and the engine is told nothing"


def test_pinned_revision_takes_no_other_commits_manifest() -> None:
    pinned = replace(SOURCE, revision=OTHER)
    other = good_manifest() | {"source": {"repository": "owner/model", "revision": OTHER}}
    with pytest.raises(WrongManifest, match="not the pinned"):
        Manifest.from_json(json.dumps(other).encode(), pinned)
    whole = Manifest.from_json(json.dumps(good_manifest()).encode(), SOURCE)
    assert Manifest.from_json(whole.to_json(), SOURCE) == whole


# ── The fill: cut off, twice at once, wrong on the disk ──


class CutOff(Exception):
    pass


class Mortal:
    """A client that dies at its nth write."""

    def __init__(self, client: Any, writes: int):
        self.client = client
        self.left = writes

    def __getattr__(self, name: str) -> Any:
        real = getattr(self.client, name)
        if name not in ("upload_file", "put_object"):
            return real

        def write(*args: Any, **kwargs: Any) -> Any:
            if not self.left:
                raise CutOff
            self.left -= 1
            return real(*args, **kwargs)

        return write


@pytest.mark.parametrize("writes", range(len(FILES) + 1))
def test_fill_that_is_cut_off_is_not_used_and_is_gone_on_with(
    objects: LargeObjects, machine: Callable[[str], WeightPlaces], writes: int
) -> None:
    mortal = LargeObjects(Mortal(objects.client, writes), objects.bucket)
    with pytest.raises(CutOff):
        first_boot(mortal, machine("one"))
    two = machine("two")
    assert boot(objects, two) == (Word.READY, FROM_HUB)
    load_from_hub(two)
    counting = Mortal(objects.client, 100)
    assert keep(LargeObjects(counting, objects.bucket), SOURCE, two)
    assert 100 - counting.left == len(FILES) + 1 - writes, "only what is missing is sent again"
    assert boot(objects, machine("three")) == (Word.READY, FROM_BUCKET)


def test_two_machines_at_once_leave_one_whole_set(
    objects: LargeObjects, machine: Callable[[str], WeightPlaces]
) -> None:
    places = [machine("one"), machine("two")]
    for one in places:
        boot(objects, one)
        load_from_hub(one)
    overtaken: list[bool] = []

    class Slow(Mortal):
        """At its very last write another machine, which has looked before as well, does all of its work."""

        def __getattr__(self, name: str) -> Any:
            if name == "put_object" and not overtaken:
                overtaken.append(keep(objects, SOURCE, places[1]))
            return getattr(self.client, name)

    assert not keep(LargeObjects(Slow(objects.client, 100), objects.bucket), SOURCE, places[0])
    assert overtaken == [True], "one of them has filled it"
    assert boot(objects, machine("three")) == (Word.READY, FROM_BUCKET)


def test_two_machines_with_two_commits_never_mix_them(
    objects: LargeObjects, machine: Callable[[str], WeightPlaces]
) -> None:
    slow, fast = machine("slow"), machine("fast")
    boot(objects, slow)
    boot(objects, fast)
    load_from_hub(slow, OTHER, **{LARGE: b"other"})
    load_from_hub(fast)
    mortal = LargeObjects(Mortal(objects.client, len(FILES)), objects.bucket)
    with pytest.raises(CutOff):
        keep(mortal, SOURCE, slow)
    assert keep(objects, SOURCE, fast)
    assert not keep(objects, SOURCE, slow), "the first manifest stands"
    three = machine("three")
    assert boot(objects, three)[1] == FROM_BUCKET and served(three) == FILES


def test_manifest_that_somebody_has_mended_meanwhile_stays(
    objects: LargeObjects, machine: Callable[[str], WeightPlaces]
) -> None:
    overwrite(objects, SOURCE.manifest_key, b"broken")
    one, two = machine("one"), machine("two")
    for places in (one, two):
        boot(objects, places)
        load_from_hub(places)
    objects.client.delete_object(Bucket=objects.bucket, Key=SOURCE.manifest_key)
    assert keep(objects, SOURCE, one)
    assert not keep(objects, SOURCE, two)
    assert boot(objects, machine("three"))[1] == FROM_BUCKET


def break_blob(places: WeightPlaces, name: str) -> None:
    (places.hub(SOURCE) / "snapshots" / COMMIT / name).resolve().write_bytes(b"broken on the disk")


def lose_part(places: WeightPlaces, name: str) -> None:
    (places.hub(SOURCE) / "snapshots" / COMMIT / name).unlink()


@pytest.mark.parametrize("harm", [break_blob, lose_part])
@pytest.mark.parametrize("name", [LARGE, "config.json"])
def test_files_that_are_not_what_the_hub_has_named_fill_nothing(
    objects: LargeObjects,
    machine: Callable[[str], WeightPlaces],
    harm: Callable[[WeightPlaces, str], None],
    name: str,
) -> None:
    places = machine("one")
    boot(objects, places)
    load_from_hub(places)
    harm(places, name)
    with pytest.raises(WrongManifest):
        keep(objects, SOURCE, places)
    assert held(objects) == []


@pytest.mark.parametrize("harm", [break_blob, lose_part])
def test_files_that_are_not_what_the_hub_has_named_reach_no_engine(
    machine: Callable[[str], WeightPlaces], harm: Callable[[WeightPlaces, str], None]
) -> None:
    places = machine("one")
    download(places)
    harm(places, LARGE)
    with pytest.raises(WrongManifest):
        settle(SOURCE, places)
    assert not places.told.exists()


def test_gits_id_of_a_file_is_gits_own(tmp_path: Path) -> None:
    (tmp_path / "hello.txt").write_bytes(b"hello\n")
    assert git_blob_of(tmp_path / "hello.txt") == "ce013625030ba8dba906f756967f9e9ca394464a"  # git hash-object
    assert hub_files(tmp_path) == {"hello.txt": tmp_path / "hello.txt"}


def test_filling_waits_for_the_engine_and_lets_those_who_waited_go_first() -> None:
    answers, slept = iter([False, False, True]), []
    wait_for_engine(lambda: next(answers), slept.append)
    assert slept[-1] == HEAD_START_S and len(slept) == 3


def test_key_of_a_file_is_of_its_commit() -> None:
    made = Manifest(SOURCE, COMMIT, (WeightFile("a/b.json", 1, "0" * 64),))
    assert made.source.file_key(made.commit, "a/b.json") == f"weights/owner/model/{COMMIT}/a/b.json"


def test_program_fetches_and_keeps_as_its_environment_says(
    aws: Aws, objects: LargeObjects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    env = {"MODEL_REPOSITORY": "owner/model", "MODEL_REVISION": "main", "DATA_BUCKET": aws.data_bucket}
    env |= {
        "MACHINE_DIR": str(tmp_path / "run"),
        "WEIGHTS_DIR": str(tmp_path / "weights"),
        "ENGINE_URL": "http://engine",
    }
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(program.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(program, "names_of", hub_is_silent)
    monkeypatch.setattr(program, "is_healthy", lambda url: url == "http://engine")
    program.main("fetch")
    assert capsys.readouterr().out == "ready\n"
    program.main("patterns")
    assert capsys.readouterr().out.split() == [f"*{kind}" for kind in KINDS]
    download(WeightPlaces(tmp_path / "weights", tmp_path / "run"))
    program.main("settle")
    program.main("keep")
    program.main("fetch")
    program.main("fetch")
    assert capsys.readouterr().out == "ready\nprepared\n"
    with pytest.raises(SystemExit, match="no such command: serve"):
        program.main("serve")
