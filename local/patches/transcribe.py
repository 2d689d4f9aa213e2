"""Amazon Transcribe: a transcript of what is said, and IAM on a job's own name.

AWS: a job listens to the recording, in a minute or so, and fails with a reason where it cannot. A policy may name the
jobs that somebody looks at or deletes, and takes none for those that are started. (Amazon Transcribe Developer Guide;
Service Authorization Reference.)
Emulator: writes a text of its own making two seconds later, whatever is in the recording, and knows no job's ARN.

Patch: PocketSphinx listens (local/ears.py), at once. It has an English model alone: a job in another language fails and
says so, and a job that may choose is in English. Unlike AWS, nobody asks whether the one who started the job may read
the recording and write the transcript.
"""

import asyncio
import json
import subprocess
import sys
import time
from typing import Any

from local.patches import Options

ENGLISH = "en-US"
LONGEST_S = 240.0
NOT_A_RECORDING = 3  # of local/ears.py
OF_ONE_JOB = ("GetTranscriptionJob", "DeleteTranscriptionJob")


class NotHeard(Exception):
    """Its words are the job's FailureReason."""


def apply(options: Options) -> None:
    from ministack.core import iam_actions
    from ministack.services import s3, transcribe

    async def run(name: str, run_id: str, netloc: str) -> None:
        job = transcribe._live_job(name, run_id)
        if job is None:
            return
        try:
            bucket, key = transcribe._parse_s3_uri(job["Media"]["MediaFileUri"])
            recording = s3._get_object_data(bucket, key)
            if recording is None:
                raise NotHeard(transcribe._MEDIA_UNREADABLE)
            words = await asyncio.to_thread(listen, recording, job.get("MediaFormat") or "", job.get("LanguageCode"))
        except NotHeard as reason:
            job |= {"TranscriptionJobStatus": "FAILED", "FailureReason": str(reason), "CompletionTime": time.time()}
            return
        written = json.dumps(document(name, words)).encode()
        about = {"content-type": "application/json", "content-length": str(len(written))}
        s3._put_object(job["_output_bucket"], job["_output_key"], written, about)
        if not job.get("LanguageCode"):
            job |= {"LanguageCode": ENGLISH, "IdentifiedLanguageScore": 1.0}
        where = f"http://{netloc}/{job['_output_bucket']}/{job['_output_key']}"
        job |= {"TranscriptionJobStatus": "COMPLETED", "CompletionTime": time.time()}
        job["Transcript"] = {"TranscriptFileUri": where}

    transcribe._run_job_inner = run
    original = iam_actions.extract_resource_arn

    def resource(service: str, method: str, path: str, headers: Any, body: bytes, *others: Any) -> str:
        operation = str(headers.get("x-amz-target", "")).rpartition(".")[2]
        if service != "transcribe" or operation not in OF_ONE_JOB:
            return str(original(service, method, path, headers, body, *others))
        region, account = others[1], others[2]
        name = json.loads(body or b"{}").get("TranscriptionJobName", "")
        return f"arn:aws:transcribe:{region}:{account}:transcription-job/{name}"

    iam_actions.extract_resource_arn = resource


def listen(recording: bytes, form: str, language: str | None) -> list[dict[str, Any]]:
    """Blocks. Raises NotHeard."""
    if language not in (None, ENGLISH):
        raise NotHeard(f"The laptop's cloud understands {ENGLISH} alone, not {language}.")
    command = [sys.executable, "-m", "local.ears", form]
    try:
        done = subprocess.run(command, input=recording, capture_output=True, timeout=LONGEST_S, check=False)
    except subprocess.TimeoutExpired as err:
        raise NotHeard("Internal Failure. Please try your request again.") from err
    if done.returncode == NOT_A_RECORDING:
        raise NotHeard("The media format that you specified doesn't match the detected media format.")
    if done.returncode:
        print(f"transcribe: {done.stderr.decode(errors='replace')[-500:]}", flush=True)
        raise NotHeard("Internal Failure. Please try your request again.")
    return list(json.loads(done.stdout))


def document(name: str, words: list[dict[str, Any]]) -> dict[str, Any]:
    items = [
        {
            "type": "pronunciation",
            "start_time": str(one["start"]),
            "end_time": str(one["end"]),
            "alternatives": [{"confidence": "1.0", "content": one["word"]}],
        }
        for one in words
    ]
    text = " ".join(str(one["word"]) for one in words)
    results = {"transcripts": [{"transcript": text}], "items": items, "audio_segments": []}
    return {"jobName": name, "status": "COMPLETED", "results": results}
