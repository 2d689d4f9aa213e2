"""What a program asked a GPU, and nobody fetched: it goes, by the sweep."""

from datetime import timedelta

from foreverus import ids
from foreverus.aws import keys
from foreverus.backends.port import Delta, Message, Prompt
from foreverus.relay.records import KEPT, GpuRequest, RequestEnd, RequestRef
from foreverus.relay.store import RequestStore
from foreverus.sweeps.requests import ExpiredRequests
from foreverus.sweeps.sweep import sweep
from tests.unit.conftest import NOW, Aws


def test_what_is_older_than_anybody_waits_is_erased_answered_or_not(aws: Aws) -> None:
    store = RequestStore(aws.items, lambda: NOW)
    ages = {"req_waiting": KEPT, "req_answered": KEPT, "req_in_work": KEPT, "req_young": KEPT - timedelta(seconds=1)}
    for name, age in ages.items():
        ref = RequestRef(name, "ana", "line_1")
        prompt = Prompt((Message("user", "secret"),))
        store.keep(GpuRequest(ref=ref, prompt=prompt, created_at=ids.timestamp(NOW - age)))
    for name in ("req_answered", "req_in_work"):
        store.take(RequestRef(name, "ana", "line_1"), "ses_1")
    store.finish(RequestRef("req_answered", "ana", "line_1"), "ses_1", RequestEnd("stop", 1, 1), [Delta("secret")])

    duty = ExpiredRequests(store, lambda: NOW)
    done = sweep({"expired requests": duty})["expired requests"]
    assert sorted(done) == ["req_answered erased", "req_in_work erased", "req_waiting erased"]
    assert [one.ref.request_id for one in store.open_requests()] == ["req_young"]
    left = [name for name in ages if aws.items.get(keys.request_key(name))]
    assert left == ["req_young"]
    assert sweep({"expired requests": duty})["expired requests"] == []
