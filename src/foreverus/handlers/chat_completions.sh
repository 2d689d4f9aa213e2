#!/bin/sh
# What the Lambda Web Adapter (AWS_LAMBDA_EXEC_WRAPPER) starts in the place of Lambda's runtime: the web server, until the
# environment ends. boto3 is the runtime's.
PYTHONPATH="$LAMBDA_TASK_ROOT${LAMBDA_RUNTIME_DIR:+:$LAMBDA_RUNTIME_DIR}${PYTHONPATH:+:$PYTHONPATH}" exec python3 -m foreverus.handlers.chat_completions
