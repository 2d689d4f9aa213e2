"""The page of the laptop's traces: its order, what it leaves out, and that nothing in a trace becomes markup."""

from typing import Any

from local.traces import TraceShown, folded, in_order, overview, read, waterfall

ROOT = "1-5759e988-bd862e3fe1be46a994272793"


def document(number: int, name: str, begun: float, ended: float, parent: int = 0, **more: Any) -> dict[str, Any]:
    found = {"trace_id": ROOT, "id": f"{number:016x}", "name": name, "start_time": begun, "end_time": ended, **more}
    return found | ({"parent_id": f"{parent:016x}"} if parent else {})


def shown(*documents: dict[str, Any]) -> TraceShown:
    return TraceShown(ROOT, read(documents, now=100.0))


def request(method: str = "POST", path: str = "/x") -> dict[str, Any]:
    return document(1, "API Gateway", 0, 1, http={"request": {"method": method, "url": path}})


def test_parts_stand_below_what_they_are_of_and_by_time() -> None:
    chat = document(3, "chat", 2, 9, parent=2)
    chat["subsegments"] = [document(4, "save", 8, 9), document(5, "queue wait", 2, 3)]
    lost = document(7, "whose parent never came", 5, 6, parent=99)
    trace = shown(chat, request(), document(2, "Function", 0, 1, parent=1), lost)
    assert [(depth, one.name) for depth, one in in_order(trace.spans)] == [
        (0, "POST /x"),
        (1, "Function"),
        (2, "chat"),
        (3, "queue wait"),
        (3, "save"),
        (0, "whose parent never came"),
    ]


def test_short_calls_of_aws_are_one_row_and_slow_and_failed_ones_are_not() -> None:
    def call(number: int, begun: float, took: float = 0.01, **more: Any) -> dict[str, Any]:
        aws = {"namespace": "aws", "aws": {"operation": "GetItem"}}
        return document(number, "dynamodb", begun, begun + took, parent=1, **aws, **more)

    trace = shown(request(), call(2, 0.1), call(3, 0.2), call(4, 0.3, 0.5), call(5, 0.85), call(6, 0.9, fault=True))
    rows = [one.name for _, one in folded(in_order(trace.spans), trace.seconds)]
    assert rows == [
        "POST /x",
        "2 short calls: dynamodb 2",
        "dynamodb GetItem",
        "dynamodb GetItem",
        "dynamodb GetItem",
    ]


def test_markup_in_a_trace_stays_text() -> None:
    bad = "<img src=x onerror=alert(1)>'\""
    trace = shown(
        request(path=f"/{bad}"),
        document(2, "chat", 0, 1, parent=1, annotations={"conversation_id": bad, bad: "x", "error": bad}, fault=True),
    )
    for page in (waterfall(trace), overview([trace], everything=False)):
        assert "<img" not in page and "&lt;img" in page


def test_mere_looks_are_left_out_until_they_are_asked_for() -> None:
    assert shown(request("GET")).only_looks
    assert not shown(request("POST")).only_looks
    assert shown(document(2, "SweepFunction", 0, 1)).only_looks
    assert not shown(document(2, "chat", 0, 1, annotations={"backend": "gpu"})).only_looks


def test_what_has_not_ended_is_shown_so_far() -> None:
    open_one = document(2, "gpu-session", 90, 0, in_progress=True)
    del open_one["end_time"]
    trace = shown(open_one)
    assert trace.seconds == 10.0 and "not over yet" in waterfall(trace)
