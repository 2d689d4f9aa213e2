"""What ends everything that a stack runs, before it is deleted."""

import os
import time
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws
from foreverus.settings.sessions import EndSessionsSettings

if TYPE_CHECKING:
    from foreverus.deployment.ending import StackEnd
    from foreverus.deployment.ending_containers import ContainersEnd


def build() -> "StackEnd":
    from foreverus.aws.cloudformation import OwnStack
    from foreverus.aws.ec2 import Fleet
    from foreverus.aws.iam import AttachedPolicy
    from foreverus.deployment.ending import StackEnd

    env = EndSessionsSettings.from_env(os.environ)
    return StackEnd(
        machines=tuple(map(aws.machine, (env.batch_run_arn, env.bake_image_arn, env.gpu_session_arn))),
        gpus=Fleet(aws.client("ec2"), env.stack_name),
        denial=AttachedPolicy(aws.client("iam"), env.spending_roles.split(","), env.no_launches_arn),
        stack=OwnStack(aws.client("cloudformation"), env.stack_name),
        sleep=time.sleep,
    )


def containers() -> "ContainersEnd":
    from foreverus.aws.ecs import Cluster
    from foreverus.deployment.ending_containers import ContainersEnd

    env = EndSessionsSettings.from_env(os.environ)
    return ContainersEnd(
        machine=aws.machine(env.ability_run_arn),
        containers=Cluster(aws.client("ecs"), env.ability_cluster),
        sleep=time.sleep,
    )
