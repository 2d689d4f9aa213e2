"""Every path of bake_image, named for what happens. A state that is not mentioned does its real call."""

from tests.statemachines.bake_machine import BakeCase
from tests.statemachines.machine import failure, give, throw

START, CREATE, WAIT, LOOK = "Start session", "Create image", "Wait for image", "Look at image"
THERE, PUBLISH, RELEASE = "Is the image there?", "Publish image", "Release GPU"
FIND, IMAGES, DEREGISTER = "Find published image", "List images", "Deregister images"
SNAPSHOTS, DELETE = "List snapshots", "Delete snapshots"
NOTIFY, WELL, BAKED, FAILED = "Notify", "Did it end well?", "Baked", "Bake failed"
ONE_IMAGE, ONE_SNAPSHOT = "Deregister image", "Delete snapshot"  # for each of them; no history of the emulator has them

LOOKS = (WAIT, LOOK, THERE)
MADE = (START, CREATE, *3 * LOOKS)  # the emulator's images are pending for two looks
LISTED = (FIND, IMAGES, DEREGISTER)
TIDIED = (*LISTED, SNAPSHOTS, DELETE)
TOLD = (NOTIFY, WELL)
NORMAL = (*MADE, PUBLISH, RELEASE, *TIDIED, *TOLD, BAKED)
EC2_FAILS = throw("Ec2.Ec2Exception", "RequestLimitExceeded")
PENDING = give({"Images": [{"State": "pending"}]})

CASES = [
    BakeCase("first-bake", NORMAL),
    BakeCase("next-bake", (*MADE, PUBLISH, RELEASE, *TIDIED, *TOLD, BAKED), baked=True),
    BakeCase(
        "bake-after-one-that-was-cut-off",
        (*MADE, PUBLISH, RELEASE, *TIDIED, *TOLD, BAKED),
        unfinished=True,
    ),
    # Nothing is published, and what was published stays
    BakeCase(
        "a-session-is-live",
        (START, *TOLD, FAILED),
        error="AnotherSessionIsLive",
        states={START: [throw("AnotherSessionIsLive", "ses_2 is live. Bake when it has ended.")]},
        baked=True,
    ),
    BakeCase(
        "session-ends-before-its-gpu-is-ready",
        (START, *TOLD, FAILED),
        error="NoGpuCapacity",
        worker=failure("NoGpuCapacity"),
        baked=True,
    ),
    BakeCase(
        "image-cannot-be-made",
        (START, CREATE, RELEASE, *TIDIED, *TOLD, FAILED),
        error="Ec2.Ec2Exception",
        states={CREATE: [EC2_FAILS]},
        baked=True,
    ),
    BakeCase(
        "first-image-cannot-be-made",
        (START, CREATE, RELEASE, *TIDIED, *TOLD, FAILED),
        error="Ec2.Ec2Exception",
        states={CREATE: [EC2_FAILS]},
    ),
    BakeCase(
        "image-fails",
        (START, CREATE, *LOOKS, RELEASE, *TIDIED, *TOLD, FAILED),
        error="ImageNotMade",
        states={LOOK: [give({"Images": [{"State": "failed"}]})]},
        baked=True,
    ),
    BakeCase(
        "image-takes-too-long",
        (START, CREATE, *40 * LOOKS, RELEASE, *TIDIED, *TOLD, FAILED),
        error="ImageNotMade",
        states={LOOK: [PENDING] * 40},
        baked=True,
    ),
    BakeCase(
        "image-cannot-be-looked-at",
        (START, CREATE, WAIT, LOOK, RELEASE, *TIDIED, *TOLD, FAILED),
        error="Ec2.Ec2Exception",
        states={LOOK: [EC2_FAILS]},
        baked=True,
    ),
    BakeCase(
        "image-cannot-be-published",
        (*MADE, PUBLISH, RELEASE, *TIDIED, *TOLD, FAILED),
        error="Ssm.InternalServerErrorException",
        states={PUBLISH: [throw("Ssm.InternalServerErrorException")]},
        baked=True,
    ),
    # It is published, and something after that fails
    BakeCase(
        "gpu-cannot-be-released",
        (*MADE, PUBLISH, RELEASE, *TIDIED, *TOLD, FAILED),
        error="DynamoDb.ConditionalCheckFailedException",
        baked=True,
        recorded=False,
    ),
    BakeCase(
        "nobody-knows-what-is-published",
        (*MADE, PUBLISH, RELEASE, FIND, *TOLD, FAILED),
        error="Ssm.InternalServerErrorException",
        states={FIND: [throw("Ssm.InternalServerErrorException")]},
        baked=True,
    ),
    BakeCase(
        "images-cannot-be-listed",
        (*MADE, PUBLISH, RELEASE, FIND, IMAGES, *TOLD, FAILED),
        error="Ec2.Ec2Exception",
        states={IMAGES: [EC2_FAILS]},
        baked=True,
    ),
    BakeCase(
        "old-image-cannot-be-deregistered",
        (*MADE, PUBLISH, RELEASE, *LISTED, *TOLD, FAILED),
        error="Ec2.Ec2Exception",
        states={ONE_IMAGE: [EC2_FAILS]},
        baked=True,
    ),
    BakeCase(
        "snapshots-cannot-be-listed",
        (*MADE, PUBLISH, RELEASE, *LISTED, SNAPSHOTS, *TOLD, FAILED),
        error="Ec2.Ec2Exception",
        states={SNAPSHOTS: [EC2_FAILS]},
        baked=True,
    ),
    BakeCase(
        "old-snapshot-cannot-be-deleted",
        (*MADE, PUBLISH, RELEASE, *TIDIED, *TOLD, FAILED),
        error="Ec2.Ec2Exception",
        states={ONE_SNAPSHOT: [EC2_FAILS]},
        baked=True,
    ),
    BakeCase(
        "notification-fails",
        (*NORMAL[:-1], FAILED),
        error="SNS.InternalErrorException",
        states={NOTIFY: [throw("SNS.InternalErrorException")]},
    ),
]
