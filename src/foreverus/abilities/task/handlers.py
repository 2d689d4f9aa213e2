"""What a task can do: a handler for each kind of job. It returns the job's answer, JSON."""

import json
from collections.abc import Callable, Mapping

from foreverus.abilities.containers.records import Job, JobKind
from foreverus.abilities.read_image import container as looking
from foreverus.abilities.read_image.engines import Eye
from foreverus.abilities.speech_to_text import container as listening
from foreverus.abilities.speech_to_text.engines import Ear
from foreverus.abilities.text_to_speech import container as reading
from foreverus.abilities.text_to_speech.engines import Mouth
from foreverus.aws.s3 import Objects

Handler = Callable[[Job], str]  # raises PromptRejected, EngineFailed and HandedBack


def handlers(mouth: Mouth, ear: Ear, eye: Eye, objects: Objects) -> Mapping[JobKind, Handler]:
    """`objects`: the data bucket."""

    def read_aloud(job: Job) -> str:
        text, voice, sound, speed = reading.read_request(job)
        made = mouth.read(text, voice, sound, speed)
        objects.put(job.sound_key, made, f"audio/{sound}")
        return json.dumps({"bytes": len(made)})

    def write_down(job: Job) -> str:
        kind, language = listening.read_request(job)
        return listening.answer(ear.hear(b"".join(objects.stream(job.sound_key)), kind, language))

    def read_picture(job: Job) -> str:
        lines = eye.lines(b"".join(objects.stream(job.picture_key)), looking.read_request(job))
        return looking.answer(lines)

    return {
        JobKind.TEXT_TO_SPEECH: read_aloud,
        JobKind.SPEECH_TO_TEXT: write_down,
        JobKind.READ_IMAGE: read_picture,
    }
