"""Voice through the public API: a question is spoken, written down from its sound, answered, and the answer is spoken.

The voice and the ears are the laptop's own (docs/voice.md). The last line is one JSON object.
"""

import json
import time
from pathlib import Path
from typing import Any

import httpx
from websockets.exceptions import WebSocketException

from local.cloud import Say, running
from local.demo import SYSTEM, Demonstration
from local.pings import open_socket
from local.processes import Failed

QUESTION = "What is a computer?"
ON = {"Voice": "managed"}
MP3_FRAME = 0xFF  # the first byte of one


def demo_voice(directory: Path, say: Say) -> int:
    """The exit status: 0 only if all of it really happened."""
    begun = time.monotonic()
    with running(directory, say, usual_ports=False, parameters=ON) as cloud:
        result = SpokenDemonstration(cloud, say).run()
        say("Ending the laptop's cloud …")
    say(f"All done in {time.monotonic() - begun:.0f} s.")
    say(json.dumps(result))
    return 0


class SpokenDemonstration(Demonstration):
    def run(self) -> dict[str, Any]:
        try:
            with self.api, open_socket(self.address) as self.socket:
                return self._speak_and_be_answered()
        except (httpx.HTTPError, WebSocketException, OSError) as problem:
            self.cloud.check()
            raise Failed(
                f"{type(problem).__name__}: {problem}. Look at the logs in {self.cloud.state.logs}."
            ) from problem

    def _speak_and_be_answered(self) -> dict[str, Any]:
        self._tell(f"speaking: {QUESTION}")
        question = self._sound(QUESTION, "wav", "question")
        understood = self._written(question)
        self._tell(f"understood: {understood}")
        conversation = self._call("POST", "/conversations", json={"title": "Spoken", "system": SYSTEM})
        self._subscribe(conversation_id=conversation["id"])
        answer = self._ask(str(conversation["id"]), understood, "auto")
        spoken = self._sound(answer["content"], "mp3", "answer")
        self._tell(f"the answer is spoken: {spoken}")
        if spoken.read_bytes()[0] != MP3_FRAME:
            raise Failed(f"{spoken} is no MP3 file.")
        left = self._left()
        if left:
            raise Failed(f"Of the recording something is left: {', '.join(left)}")
        files = {"question": str(question), "answer": str(spoken)}
        return {"asked": QUESTION, "understood": understood, "answer": answer["content"], "files": files, "left": left}

    def _sound(self, text: str, form: str, name: str) -> Path:
        """A file of the text, spoken."""
        body = {"model": "tts-1", "voice": "nova", "input": text, "language": "en-US", "response_format": form}
        path = self.cloud.state.directory / f"{name}.{form}"
        path.write_bytes(self._answered("/audio/speech", json=body).content)
        return path

    def _written(self, sound: Path) -> str:
        form = {"model": "whisper-1", "language": "en"}
        answer = self._answered("/audio/transcriptions", data=form, files={"file": (sound.name, sound.read_bytes())})
        text = str(answer.json()["text"])
        if not text:
            raise Failed("Nothing was understood of the question.")
        return text

    def _answered(self, path: str, **request: Any) -> httpx.Response:
        answer = self.api.post(path, **request)
        if answer.is_error:
            raise Failed(f"POST {path} was answered {answer.status_code}: {answer.text}")
        return answer

    def _left(self) -> list[str]:
        """What still lies there of a recording."""
        found = self.cloud.emulator.client("s3").list_objects_v2(Bucket=self.cloud.stack["DataBucket"], Prefix="audio/")
        return [one["Key"] for one in found.get("Contents", [])]
