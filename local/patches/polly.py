"""Amazon Polly: a real voice behind SynthesizeSpeech.

AWS: reads a text of at most 3,000 characters aloud, by one of a hundred voices, of which each has some engines, as MP3,
Ogg with Opus or bare samples, and says in a header how many characters are billed. What it refuses is a 400 with the
exception's name. (Amazon Polly API Reference, "SynthesizeSpeech".)
Emulator: has no Polly: what is signed for it is an S3 bucket's.

Patch: the same call, read by espeak-ng (local/voice.py). It has the voices that our own code may name, and they sound
alike but for high or low. Neural and standard ones are the same. IAM asks for `polly:SynthesizeSpeech` on `*`.
"""

import asyncio
import json
import re
import subprocess
import sys
from typing import Any
from xml.sax.saxutils import escape

from local.patches import Options
from local.refused import Refused

SERVICE, PATH = "polly", "/v1/speech"
SIGNED = re.compile(r"Credential=[^/]+/[^/]+/[^/]+/polly/")
MOST_CHARACTERS, MOST_WITH_TAGS = 3000, 6000
LONGEST_S = 60.0
BOTH = ("neural", "standard")
# By Polly's name: espeak-ng's, and the engines that have it on AWS.
VOICES = {
    "Camila": ("pt-br+f2", BOTH),
    "Vitoria": ("pt-br+f3", BOTH),
    "Thiago": ("pt-br", ("neural",)),
    "Ricardo": ("pt-br", ("standard",)),
    "Joanna": ("en-us+f2", BOTH),
    "Kendra": ("en-us+f3", BOTH),
    "Matthew": ("en-us", ("neural",)),
    "Joey": ("en-us", BOTH),
}
TYPES = {"mp3": "audio/mpeg", "ogg_opus": "audio/ogg", "pcm": "audio/pcm"}


def apply(options: Options) -> None:
    from ministack import app as gateway
    from ministack.core import iam_actions, router

    async def handle(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        try:
            if (method, path) != ("POST", PATH):
                raise Refused(404, "UnknownOperationException", f"Nothing of Polly's is here at {path}.")
            asked = json.loads(body or b"{}")
            ssml, billed = text_of(asked)
            sound = await asyncio.to_thread(read, ssml, voice_of(asked), asked["OutputFormat"])
        except Refused as refused:
            said = json.dumps({"message": refused.message}).encode()
            return refused.status, {"x-amzn-ErrorType": refused.code, "Content-Type": "application/json"}, said
        kind = {"Content-Type": TYPES[asked["OutputFormat"]], "x-amzn-RequestCharacters": str(billed)}
        return 200, kind, sound

    gateway.SERVICE_HANDLERS[SERVICE] = handle
    original_service, original_action = router.detect_service, iam_actions.extract_iam_action
    original_resource = iam_actions.extract_resource_arn

    def detect(method: str, path: str, headers: Any, query: Any) -> str:
        signed = SIGNED.search(headers.get("authorization", ""))
        return SERVICE if signed else str(original_service(method, path, headers, query))

    def action(service: str, *others: Any) -> Any:
        return "polly:SynthesizeSpeech" if service == SERVICE else original_action(service, *others)

    def resource(service: str, *others: Any) -> str:
        return "*" if service == SERVICE else str(original_resource(service, *others))

    gateway.detect_service = router.detect_service = detect
    iam_actions.extract_iam_action, iam_actions.extract_resource_arn = action, resource
    iam_actions.SERVICE_TO_IAM_NAMESPACE[SERVICE] = "polly"


def text_of(asked: dict[str, Any]) -> tuple[str, int]:
    """As SSML, and how many characters are billed. Raises Refused."""
    text, is_ssml = str(asked.get("Text", "")), asked.get("TextType") == "ssml"
    bare = re.sub(r"&\w+;", "&", re.sub(r"<[^>]*>", "", text)) if is_ssml else text
    if is_ssml and not re.fullmatch(r"\s*<speak>.*</speak>\s*", text, re.DOTALL):
        raise Refused(400, "InvalidSsmlException", "Invalid SSML request")
    if len(bare) > MOST_CHARACTERS or len(text) > MOST_WITH_TAGS:
        raise Refused(400, "TextLengthExceededException", "Maximum text length has been exceeded")
    return text if is_ssml else f"<speak>{escape(text)}</speak>", len(bare)


def voice_of(asked: dict[str, Any]) -> str:
    """By espeak-ng's name. Raises Refused."""
    name, engine = str(asked.get("VoiceId")), asked.get("Engine", "standard")
    if name not in VOICES or asked.get("OutputFormat") not in TYPES:
        raise Refused(400, "ValidationException", "1 validation error detected: Value is not a member of the enum")
    voice, engines = VOICES[name]
    if engine not in engines:
        raise Refused(400, "EngineNotSupportedException", f"This voice does not support the selected engine: {engine}")
    return voice


def read(ssml: str, voice: str, form: str) -> bytes:
    """Blocks. Raises Refused."""
    command = [sys.executable, "-m", "local.voice", form, voice]
    try:
        done = subprocess.run(command, input=ssml.encode(), capture_output=True, timeout=LONGEST_S, check=True)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as err:
        print(f"polly: {err} {(err.stderr or b'').decode(errors='replace')[-500:]}", flush=True)
        raise Refused(500, "ServiceFailureException", "An unknown condition has caused a service failure.") from err
    return done.stdout
