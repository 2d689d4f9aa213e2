"""Starts MiniStack with our patches, on loopback, until SIGTERM.

Run by `.local/ministack/bin/python -m local.ministack` from the repository's root; local/emulator.py does so and sets
the environment (port, directories, authentication). `--unpatched` starts it as it is, for the tests that watch whether
a patch is still needed.
"""

import argparse
import os
import sys
from pathlib import Path

from local.patches import (
    Options,
    api_import,
    bedrock_converse,
    budgets_in_stacks,
    ec2_authorization,
    ec2_fleet,
    ec2_images,
    iam_batches,
    iam_leading_keys,
    iam_policy_arn,
    iam_policy_variables,
    instance_changes,
    instance_credentials,
    lambda_errors,
    lambda_packages,
    rds_data_api,
    rds_master_secret,
    scheduler_input,
    socket_authorizers,
    states_callbacks,
    states_errors,
    states_expressions,
    states_history,
    states_role,
    states_start,
    states_tasks,
)

PATCHES = (
    api_import,
    bedrock_converse,
    budgets_in_stacks,
    ec2_authorization,
    ec2_fleet,
    ec2_images,
    iam_batches,
    iam_leading_keys,
    iam_policy_arn,
    iam_policy_variables,
    instance_changes,
    instance_credentials,
    lambda_errors,
    lambda_packages,
    rds_data_api,
    rds_master_secret,
    scheduler_input,
    socket_authorizers,
    states_callbacks,
    states_errors,
    states_expressions,
    states_history,
    states_start,
    states_tasks,
    states_role,  # after states_tasks: it asks which execution is running
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--unpatched", action="store_true", help="run the emulator as it is")
    parser.add_argument("--faults", action="store_true", help="take rules of local/faults")
    parser.add_argument("--postgres", type=Path, help="JSON file that says where our PostgreSQL is")
    parser.add_argument("--bedrock", help="address of the model behind Bedrock")
    arguments = parser.parse_args()

    # Set before the import: the emulator reads its environment when its modules load.
    os.environ.setdefault("BIND_HOST", "127.0.0.1")
    os.environ.setdefault("AUTH", "true")

    from ministack import app as gateway

    if not arguments.unpatched:
        options = Options(postgres=arguments.postgres, bedrock=arguments.bedrock)
        for patch in PATCHES:
            patch.apply(options)
    if arguments.faults:
        from local.faults import inject

        inject.apply(Options(postgres=arguments.postgres))
    sys.argv = ["ministack"]  # the emulator parses the command line too
    gateway.main()


if __name__ == "__main__":
    main()
