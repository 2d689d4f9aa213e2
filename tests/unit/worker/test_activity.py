"""How long a worker had something in hand: what a receipt calls busy."""

from foreverus.worker.consumer import Activity


def test_work_side_by_side_is_busy_once() -> None:
    activity = Activity(last=100.0)
    activity.take(110.0)
    activity.take(115.0)
    activity.done(120.0)
    activity.done(130.0)
    activity.take(200.0)
    activity.done(201.5)
    assert (activity.busy_s, activity.in_hand, activity.last) == (21.5, 0, 201.5)


def test_who_had_nothing_in_hand_was_not_busy() -> None:
    assert Activity(last=100.0).busy_s == 0
