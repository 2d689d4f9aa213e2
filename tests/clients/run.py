"""`python tests/clients/run.py BASE_URL KEY MODEL`: each client with these alone. See README.md."""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # it would fetch a list of prices
HELLO = [{"role": "user", "content": "count to 3"}]
HERE = Path(__file__).parent


def litellm(base_url: str, key: str, model: str) -> str:
    from litellm import completion, text_completion

    asked = {"model": f"openai/{model}", "messages": HELLO, "api_base": base_url, "api_key": key}
    whole = completion(**asked).choices[0].message.content
    stream = completion(**asked, stream=True, stream_options={"include_usage": True})
    pieces = [one.choices[0].delta.content or "" for one in stream if one.choices]
    text = text_completion(
        model=f"text-completion-openai/{model}", prompt="count to 3", api_base=base_url, api_key=key, max_tokens=8
    )
    assert whole == "".join(pieces), (whole, pieces)
    return f"{whole!r}, {text.choices[0].text!r}"


def langchain(base_url: str, key: str, model: str) -> str:
    from langchain_openai import ChatOpenAI

    chat = ChatOpenAI(model=model, base_url=base_url, api_key=key)
    whole = chat.invoke("count to 3").content
    pieces = "".join(str(one.content) for one in chat.stream("count to 3"))
    assert whole == pieces, (whole, pieces)
    return repr(whole)


def llm(base_url: str, key: str, model: str) -> str:
    """As its documentation has it for OpenAI-compatible models: a file that names them."""
    with tempfile.TemporaryDirectory() as home:
        place = Path(home) / "extra-openai-models.yaml"
        place.write_text(f"- model_id: ours\n  model_name: {model}\n  api_base: {base_url}\n  api_key_name: ours\n")
        environment = {**os.environ, "LLM_USER_PATH": home}
        command = [Path(sys.executable).with_name("llm"), "-m", "ours", "--key", key, "count to 3"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return repr(done.stdout.strip())


def open_webui(base_url: str, key: str, model: str) -> str:
    """Its connection test: the list of models; then it chats with one of them, streamed, with `metadata` taken out."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"{base_url}/models", headers=headers)) as answer:
        names = [one["id"] for one in json.load(answer)["data"]]
    assert model in names, names
    body = json.dumps({"stream": True, "model": names[0], "messages": HELLO}).encode()
    request = urllib.request.Request(f"{base_url}/chat/completions", data=body, headers=headers)
    with urllib.request.urlopen(request) as answer:
        lines = answer.read().decode().strip().split("\n\n")
    assert lines[-1] == "data: [DONE]", lines
    return f"{names}, {len(lines)} events"


def javascript(base_url: str, key: str, model: str) -> str:
    if not (HERE / "node_modules").is_dir():
        return "not tried: make install"
    done = subprocess.run(
        ["node", HERE / "chat.mjs", base_url, key, model], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


CLIENTS: tuple[Callable[[str, str, str], str], ...] = (litellm, langchain, llm, open_webui, javascript)

if __name__ == "__main__":
    failed = 0
    for client in CLIENTS:
        try:
            print(f"✓ {client.__name__}: {client(*sys.argv[1:4])}", flush=True)
        except Exception as problem:
            failed += 1
            print(f"✗ {client.__name__}: {problem!r}"[:1500], flush=True)
    sys.exit(failed)
