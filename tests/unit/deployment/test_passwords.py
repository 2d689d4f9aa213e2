"""The database's passwords: made once, kept by every later deployment, gone with the stack."""

import boto3

from foreverus.aws.ssm import SecureParameters
from foreverus.deployment.passwords import LOGINS, DatabasePasswords
from tests.unit.conftest import Aws

FOLDER = "/foreverus/database"


def passwords() -> DatabasePasswords:
    return DatabasePasswords(SecureParameters(boto3.client("ssm")), FOLDER)


def stored() -> dict[str, tuple[str, str]]:
    found = boto3.client("ssm").get_parameters_by_path(Path=FOLDER, WithDecryption=True)["Parameters"]
    return {one["Name"]: (one["Type"], one["Value"]) for one in found}


def test_each_login_has_one_of_its_own_which_rds_takes(aws: Aws) -> None:
    assert passwords().make({}) == {"Master": f"{FOLDER}/master"}, "the name; what is in it goes nowhere"
    found = stored()
    assert set(found) == {f"{FOLDER}/{login}" for login in LOGINS}
    values = {value for _, value in found.values()}
    assert len(values) == len(LOGINS)
    for kind, value in found.values():
        assert kind == "SecureString"
        assert 40 <= len(value) <= 99 and value.isascii() and not set(value) & set('/"@ ')


def test_a_deployment_that_comes_again_keeps_what_the_database_knows(aws: Aws) -> None:
    passwords().make({})
    first = stored()
    passwords().make({})
    assert stored() == first


def test_one_that_was_cut_off_is_completed(aws: Aws) -> None:
    passwords().make({})
    first = stored()
    boto3.client("ssm").delete_parameter(Name=f"{FOLDER}/eraser")
    passwords().make({})
    assert stored()[f"{FOLDER}/master"] == first[f"{FOLDER}/master"]
    assert set(stored()) == set(first)


def test_they_go_with_the_stack_and_twice_is_the_same(aws: Aws) -> None:
    passwords().make({})
    for _ in range(2):
        assert passwords().forget({}) == {}
        assert stored() == {}
