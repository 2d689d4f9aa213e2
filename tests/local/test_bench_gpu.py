"""The CPU version of bench/gpu: the laptop's engine with a tiny Mistral of noise, our worker in front of it."""

import json
from pathlib import Path

from bench.gpu.__main__ import main
from bench.gpu.measure import SMALL
from bench.gpu.shapes import TINY


def test_the_cpu_version_measures_a_worker_that_answers_every_line_once(tmp_path: Path) -> None:
    """A line that is missing or there twice raises; no ratio of half a megabyte of weights means anything."""
    assert main(["--tiny", "--device", "cpu", "--streams", "1,8", "--results", str(tmp_path)]) == 0
    (written,) = tmp_path.glob("gpu-*-tiny.json")
    made = json.loads(written.read_text())
    assert made["device"] and made["engine"] == "llama.cpp" and made["versions"]["xllamacpp"]
    assert made["model"]["parameters"] == TINY.parameters
    assert 1 < made["bandwidth_gb_per_s"]["copy"] < 10_000
    assert [one["streams"] for one in made["results"]] == [1, 8]
    for one in made["results"]:
        assert one["requests"] == [SMALL.requests(one["streams"])] * SMALL.rounds and one["failed"] == 0
        assert 0 < one["ours_of_floor"] < 1 and 0 < one["direct_of_floor"] < 1
        assert one["ratio"] > 0 and len(one["ours_tokens_per_s"]) == len(one["direct_tokens_per_s"]) == SMALL.rounds
