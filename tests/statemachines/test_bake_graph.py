"""Rules of bake_image's graph beyond those of every machine (test_rules.py)."""

from foreverus.worker.baking import MOST_S
from tests.statemachines.definition import BAKE_IMAGE, GPU_SESSION
from tests.template.template import template

STATES = BAKE_IMAGE.states
LOOK_S = 60
MOST_LOOKS = 40
DELETIONS = ("Deregister images", "Delete snapshots")


def test_it_launches_and_terminates_nothing() -> None:
    """So a bake that dies anywhere leaves a session as any other."""
    calls = {value for key, value in BAKE_IMAGE.fields() if key == "Resource"}
    assert not {call for call in calls if "Fleet" in call or "nstances" in call}
    assert "states:startExecution" not in BAKE_IMAGE.text


def test_nothing_is_published_before_the_image_is_there() -> None:
    assert {name for name in STATES if "Publish image" in BAKE_IMAGE.targets(name)} == {"Is the image there?"}
    (rule,) = [one for one in STATES["Is the image there?"]["Choices"] if one["Next"] == "Publish image"]
    assert rule["Condition"] == "{% $state = 'available' %}"


def test_gpu_is_released_whatever_becomes_of_its_image() -> None:
    beyond = BAKE_IMAGE.reachable("Create image", without=("Release GPU",))
    assert not beyond & {*DELETIONS, "Notify", "Baked", "Bake failed"}


def test_nothing_is_deleted_before_it_is_known_what_is_published() -> None:
    for name in DELETIONS:
        assert name not in BAKE_IMAGE.reachable("Start session", without=("Find published image",))


def test_one_loop_and_it_is_bounded() -> None:
    for name in STATES:
        for target in BAKE_IMAGE.targets(name):
            assert name == "Wait for image" or name not in BAKE_IMAGE.reachable(target, without=("Wait for image",))
    (again,) = [one for one in STATES["Is the image there?"]["Choices"] if one["Next"] == "Wait for image"]
    assert again["Condition"] == f"{{% $state = 'pending' and $looks < {MOST_LOOKS} %}}"
    assert STATES["Wait for image"]["Seconds"] == LOOK_S


def test_worker_keeps_its_disk_for_longer_than_the_machine_waits() -> None:
    retries_s = 600  # of Create image, of the looks
    assert MOST_LOOKS * LOOK_S + retries_s < MOST_S


def test_machine_waits_longer_than_a_session_boots_and_relaunches() -> None:
    most = template()["Parameters"]["BootTimeoutSeconds"]["MaxValue"]
    assert STATES["Start session"]["TimeoutSeconds"] == "{% 2 * ${BootTimeoutSeconds} + 900 %}"
    assert 2 * most + 900 + MOST_S + 1800 < BAKE_IMAGE.machine["TimeoutSeconds"]


def test_each_list_is_deleted_from_with_retries_and_what_fails_is_told() -> None:
    for name in DELETIONS:
        state = STATES[name]
        (inner,) = state["ItemProcessor"]["States"].values()
        assert inner["Retry"] and inner["TimeoutSeconds"] and inner["Comment"]
        assert [rule["Next"] for rule in state["Catch"]] == ["Notify"]


def test_session_hears_that_it_is_a_bakes_from_its_record_and_its_request() -> None:
    assert "bake" in GPU_SESSION.states["Open session"]["Assign"]
    assert "$not($bake)" in GPU_SESSION.states["Are images kept?"]["Choices"][0]["Condition"]
