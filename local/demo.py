"""The main job once, through the public API: a chat that Bedrock answers while no GPU is on, the same conversation on a
GPU from request to shut-down, and a batch beside it; then all is ended.

Prints each state and boot phase as it happens and the answer as it streams. The last line is one JSON object.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
from websockets.exceptions import WebSocketException

from local import history
from local.cloud import Cloud, Say, running
from local.demo_batch import run_exam
from local.pings import open_socket
from local.processes import Failed

# The laptop's model has 135 million parameters: it knows this, and little geography.
FIRST_QUESTION = "What is a computer? Answer in one sentence."
QUESTION = "What is a GPU? Answer in one sentence."
SYSTEM = "You are a helpful assistant. Answer briefly."
BOOT_SECONDS = 120
ANSWER_SECONDS = 120
END_SECONDS = 60
OVER = ("ended", "failed")


def demo(directory: Path, say: Say) -> int:
    """The exit status: 0 only if all of it really happened."""
    begun = time.monotonic()
    with running(directory, say, usual_ports=False) as cloud:
        result = Demonstration(cloud, say).run()
        say("Ending the laptop's cloud …")
    say(f"All done in {time.monotonic() - begun:.0f} s.")
    say(json.dumps(result))
    return 0


class Demonstration:
    def __init__(self, cloud: Cloud, say: Say, questions: int | None = None) -> None:
        """questions: of the exam; all of them without, 0 leaves it out."""
        self.cloud = cloud
        self.questions = questions
        self.say = say
        self.begun = time.monotonic()
        key = cloud.outputs["api_key"]
        self.api = httpx.Client(
            base_url=cloud.outputs["api_url"], headers={"Authorization": f"Bearer {key}"}, timeout=60, trust_env=False
        )
        self.address = f"{cloud.outputs['websocket_url']}?token={key}"
        self.session: dict[str, Any] = {"version": -1}
        self.shown: set[str] = set()

    def run(self) -> dict[str, Any]:
        try:
            with self.api, open_socket(self.address) as self.socket:
                on_bedrock = self._ask_bedrock()
                session_id, answer = self._move_to_the_gpu(on_bedrock["conversation_id"])
                exam = self.questions != 0
                report = {"batch": run_exam(self.api, self._tell, self.questions)} if exam else {}
                ended = self._see_it_end(session_id, answer)
                return ended | {"bedrock_answer": on_bedrock["content"]} | report
        except (httpx.HTTPError, WebSocketException, OSError) as problem:
            self.cloud.check()
            raise Failed(
                f"{type(problem).__name__}: {problem}. Look at the logs in {self.cloud.state.logs}."
            ) from problem

    # ---- the conversation ----

    def _ask_bedrock(self) -> dict[str, Any]:
        """The answer to a question while no GPU is on; none is bought for it."""
        conversation = self._call("POST", "/conversations", json={"title": "Demonstration", "system": SYSTEM})
        self._subscribe(conversation_id=conversation["id"])
        answer = self._ask(str(conversation["id"]), FIRST_QUESTION, "auto")
        if answer.get("backend") != "bedrock":
            raise Failed(f"Bedrock did not answer while no GPU was on: {json.dumps(answer)}")
        self._tell(f"answered by Bedrock: {answer['choice']['text']}")
        live = [one["id"] for one in self._call("GET", "/sessions")["data"] if one["status"] not in OVER]
        if live:
            raise Failed(f"A chat on Bedrock has started a session: {live}")
        return answer

    def _move_to_the_gpu(self, conversation_id: str) -> tuple[str, dict[str, Any]]:
        """Starts a session and asks the next question of the same conversation, which its GPU answers."""
        self._tell("asking for a session")
        session = self._call("POST", "/sessions", json={})
        session_id = str(session["id"])
        self._subscribe(session_id=session_id)
        self._see(session)
        return session_id, self._ask(conversation_id, QUESTION, "gpu", session_id)

    def _ask(self, conversation_id: str, content: str, backend: str, session_id: str = "") -> dict[str, Any]:
        self._tell(f"asking: {content}")
        question = {"content": content, "max_tokens": 60, "temperature": 0, "backend": backend}
        accepted = self._call("POST", f"/conversations/{conversation_id}/messages", json=question)
        answer = self._listen(accepted["answer"]["id"], conversation_id, session_id)
        if answer["status"] != "answered" or not answer["content"].strip():
            raise Failed(f"The question was not answered: {json.dumps(answer.get('error') or answer)}")
        return answer

    def _subscribe(self, **topic: str) -> None:
        self.socket.send(json.dumps({"action": "subscribe", **topic}))
        for frame in self._frames(30):
            if frame["type"] == "subscribed":
                return
            self._take(frame)
        raise Failed("The WebSocket API did not confirm a subscription.")

    def _listen(self, answer_id: str, conversation_id: str, session_id: str) -> dict[str, Any]:
        """Prints states and text until the final answer has come."""
        text = ""
        for frame in self._frames(BOOT_SECONDS + ANSWER_SECONDS):
            if frame["type"] == "delta" and frame["message_id"].replace("msg_", "ans_", 1) == answer_id:
                new = frame["text"][max(0, len(text) - frame["offset"]) :]
                if new:
                    print(new if text else f"{self._clock()}  answer: {new}", end="", flush=True)
                    text += new
            elif frame["type"] == "message" and frame["message"]["id"] == answer_id:
                message: dict[str, Any] = frame["message"]
                print("" if text else f"{self._clock()}  answer: {message['content']}", flush=True)
                return message
            else:
                self._take(frame)
                if self.session.get("status") in OVER:
                    break
        self.cloud.check()
        messages = self._call("GET", f"/conversations/{conversation_id}/messages")["data"]
        stored = next((one for one in messages if one["id"] == answer_id), None)
        if stored and stored["status"] in ("answered", "failed"):
            return dict(stored)
        if not session_id:
            raise Failed(f"No answer came from Bedrock: {json.dumps(stored)}")
        session = self._call("GET", f"/sessions/{session_id}")
        raise Failed(f"No answer came. The session is {session['status']}: {json.dumps(session.get('error'))}")

    # ---- the end ----

    def _see_it_end(self, session_id: str, answer: dict[str, Any]) -> dict[str, Any]:
        self._tell("ending the session")
        self._call("DELETE", f"/sessions/{session_id}")
        for frame in self._frames(END_SECONDS):
            self._take(frame)
            if self.session.get("status") in OVER:
                break
        session = self._call("GET", f"/sessions/{session_id}")
        self._see(session)
        if session["status"] != "ended":
            raise Failed(f"The session is {session['status']}, not ended: {json.dumps(session.get('error'))}")
        execution = self._execution(session_id)
        instance = self._instance(session["instance"]["id"])
        self._tell(f"instance {instance['id']} is {instance['state']}")
        stored = {"dynamodb": self._in_dynamodb(answer), "postgres": self._in_postgres(session_id, answer)}
        self._tell(f"stored: {', '.join(name for name, there in stored.items() if there)}")
        mail = self.cloud.inbox.wait_for(session_id, 20)
        self._tell(f"notification: {mail['subject'] if mail else 'none came'}")
        self._print_receipt(session["receipt"])
        wrong = [f"the results are not in {name}" for name, there in stored.items() if not there]
        wrong += [] if mail else ["no notification came"]
        wrong += [] if instance["state"] == "terminated" else [f"the instance is {instance['state']}"]
        wrong += [] if session["receipt"] else ["there is no receipt"]
        if wrong:
            raise Failed(f"The session has ended, but {' and '.join(wrong)}. Logs: {self.cloud.state.logs}")
        return {
            "answer": answer["content"],
            "states": execution,
            "instance": instance,
            "stored": stored,
            "notified": True,
            "receipt": session["receipt"],
        }

    def _execution(self, session_id: str) -> list[str]:
        """The states that the state machine went through, once it is over."""
        states = self.cloud.emulator.client("stepfunctions")
        arn = f"{self.cloud.stack['GpuSessionArn'].replace(':stateMachine:', ':execution:')}:{session_id}"
        found = wait(lambda: over(states.describe_execution(executionArn=arn)), END_SECONDS)
        if not found or found["status"] != "SUCCEEDED":
            raise Failed(f"The state machine has not succeeded: {found or 'it runs still'}")
        pages = states.get_paginator("get_execution_history").paginate(executionArn=arn)
        events = [event for page in pages for event in page["events"]]
        return [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]

    def _instance(self, instance_id: str) -> dict[str, str]:
        ec2 = self.cloud.emulator.client("ec2")
        (reservation,) = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]
        return {"id": instance_id, "state": reservation["Instances"][0]["State"]["Name"]}

    def _in_dynamodb(self, answer: dict[str, Any]) -> bool:
        from foreverus.aws.keys import answer_key

        key = answer_key(answer["conversation_id"], answer["id"].replace("ans_", "msg_", 1))
        found = self.cloud.emulator.client("dynamodb").get_item(
            TableName=self.cloud.stack["TableName"],
            Key={name: {"S": value} for name, value in key.items()},
            ConsistentRead=True,
        )
        item = found.get("Item", {})
        return item.get("status", {}).get("S") == "answered" and item.get("content", {}).get("S") == answer["content"]

    def _in_postgres(self, session_id: str, answer: dict[str, Any]) -> bool:
        found = history.rows(
            self.cloud,
            "SELECT m.content FROM messages m JOIN receipts r USING (session_id)"
            " WHERE m.message_id = :message AND r.session_id = :session",
            message=answer["id"],
            session=session_id,
        )
        return found == [[answer["content"]]]

    # ---- talking ----

    def _call(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        answer = self.api.request(method, path, **request)
        if answer.is_error:
            raise Failed(f"{method} {path} was answered {answer.status_code}: {answer.text}")
        return dict(answer.json())

    def _frames(self, seconds: float) -> Iterator[dict[str, Any]]:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                yield json.loads(self.socket.recv(min(left, 2)))
            except TimeoutError:
                self.cloud.check()

    def _take(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "session":
            self._see(frame["session"])
        elif frame["type"] == "error":
            raise Failed(f"The WebSocket API refused a frame: {json.dumps(frame['error'])}")

    def _see(self, session: dict[str, Any]) -> None:
        """Tells what is new in a session. Frames may come out of order: the version says which is newest."""
        for phase in session.get("phases") or []:
            self._tell_once(f"  worker: {phase['name']}", f"{phase['name']}/{phase['attempt']}")
        if session["version"] > self.session["version"]:
            self.session = session
            self._tell_once(f"session {session['status']}", session["status"])

    def _tell_once(self, text: str, key: str) -> None:
        if key not in self.shown:
            self.shown.add(key)
            self._tell(text)

    def _tell(self, text: str) -> None:
        self.say(f"{self._clock()}  {text}")

    def _clock(self) -> str:
        return f"{time.monotonic() - self.begun:6.1f} s"

    def _print_receipt(self, receipt: dict[str, Any] | None) -> None:
        self.say("Receipt")
        for name, value in (receipt or {}).items():
            self.say(f"  {name:20} {value}")


def over(execution: dict[str, Any]) -> dict[str, Any] | None:
    return None if execution["status"] == "RUNNING" else execution


def wait(ask: Callable[[], Any], seconds: float) -> Any:
    """What `ask` returns once it is something; None after the time."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not (found := ask()) and time.monotonic() < deadline:
        pause.wait(0.1)
    return found
