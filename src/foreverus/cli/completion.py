"""`foreverus completion`: made of the parser itself by shtab, so that it never lags behind."""

import argparse

from foreverus.cli.context import Context
from foreverus.cli.failures import COMPLETED


def completion(arguments: argparse.Namespace, context: Context) -> int:
    import shtab

    from foreverus.cli.arguments import parser

    context.result(shtab.complete(parser(), shell=arguments.shell))
    return COMPLETED
