"""JSON Schemas of requests in OpenAI's form, made of the tables of parameters. Pure.

The files `api/schemas/chat_line.json` and `completion_line.json` are `line_schema` written down, for the page reads
them as well, `chat_completion.json` and `text_completion.json` are `request_schema`; a test holds them equal.
"""

from collections.abc import Mapping

from foreverus.backends.live_parameters import KNOWN
from foreverus.backends.messages import FILE, IMAGE, ROLES, TEXT
from foreverus.backends.parameters import CHAT, COMPLETIONS, PARAMETERS
from foreverus.text import VISIBLE

Schema = Mapping[str, object]


def _object(required: list[str], properties: Mapping[str, Schema], words: str = "a JSON object") -> Schema:
    return {
        "description": words,
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": properties,
    }


_PART = _object(
    ["type"],
    {
        "type": {"description": "'text', 'image_url' or 'file'", "enum": [TEXT, IMAGE, FILE]},
        "text": {"description": "a string", "type": "string"},
        "image_url": _object(
            ["url"],
            {
                "url": {"description": "a string: a data: URL with the image's bytes as base64", "type": "string"},
                "detail": {"description": "'auto', 'low' or 'high'", "enum": ["auto", "low", "high"]},
            },
            "an object with url",
        ),
        "file": _object(
            ["file_id"],
            {
                "file_id": {
                    "description": "a string: the id of an image, a file with purpose 'vision'",
                    "type": "string",
                    "maxLength": 100,
                },
                "file_data": {"description": "absent: an image's own bytes stand in image_url", "enum": [None]},
                "filename": {"description": "a string", "type": "string"},
            },
            "an object with file_id",
        ),
    },
    "a part of type text, image_url or file",
)
_ROLE: Schema = {"description": "'system', 'developer', 'user' or 'assistant'", "enum": list(ROLES)}
_CONTENT: Schema = {
    "description": "a string, or a list of at least one part of type text, image_url or file",
    "type": ["string", "array"],
    "items": _PART,
    "minItems": 1,
}
_NO_CALLS: Schema = {
    "description": "an empty list, or absent: this model calls no tools",
    "type": "array",
    "maxItems": 0,
}
_BESIDE: Mapping[str, Schema] = {  # what a message may leave out
    "name": {"description": "a string", "type": "string"},
    "refusal": {"description": "a string", "type": "string"},
    "annotations": {"description": "a list", "type": "array"},
    "tool_calls": _NO_CALLS,
    "function_call": {"description": "absent: this model calls no tools", "enum": []},
    "audio": {"description": "absent: this model reads and writes text only", "enum": []},
}
_PROMPT: Schema = {"description": "a string with text: one prompt a line", "type": "string", "pattern": VISIBLE}
_MODEL: Schema = {"description": "the name of the model that GET /v1/models lists", "type": "string"}
_ID: Schema = {
    "description": "a string of 1 to 256 characters, not all of them blank",
    "type": "string",
    "minLength": 1,
    "maxLength": 256,
    "pattern": VISIBLE,
}


def body_schema(endpoint: str) -> Schema:
    """Of a body for this endpoint, `null` for an absent parameter included."""
    asked = {"messages": _messages()} if endpoint == CHAT else {"prompt": _PROMPT}
    parameters = {one.name: _or_null(one.schema) for one in PARAMETERS if endpoint in one.endpoints}
    return _object(["model", *asked], {"model": _MODEL, **asked, **parameters})


_TOOL_CALLS: Schema = {
    "description": "a list of the calls that an answer asked for",
    "type": "array",
    "items": _object(
        ["id", "type", "function"],
        {
            "index": {"description": "a whole number", "type": "integer"},
            "id": {"description": "a string", "type": "string"},
            "type": {"description": "'function'", "const": "function"},
            "function": _object(
                ["name", "arguments"],
                {
                    "name": {"description": "a string", "type": "string"},
                    "arguments": {"description": "a string that holds JSON", "type": "string"},
                },
                "an object with name and arguments",
            ),
        },
        "an object with id, type and function",
    ),
}
_LIVE_ROLE: Schema = {
    "description": "'system', 'developer', 'user', 'assistant' or 'tool'",
    "enum": [*ROLES, "tool"],
}
_LIVE_BESIDE: Mapping[str, Schema] = {
    **_BESIDE,
    "tool_calls": _TOOL_CALLS,
    "tool_call_id": {"description": "a string: the id of the call that this is the result of", "type": "string"},
}
_LIVE_PROMPT: Schema = {
    "description": "a string with text, or a list of one",
    "type": ["string", "array"],
    "pattern": VISIBLE,
    "minItems": 1,
    "maxItems": 1,
    "items": {"description": "a string with text", "type": "string", "pattern": VISIBLE},
}


def request_schema(endpoint: str) -> Schema:
    """Of the body of a request whose client waits for the answer."""
    asked = {"messages": _messages(_LIVE_ROLE, _LIVE_BESIDE)} if endpoint == CHAT else {"prompt": _LIVE_PROMPT}
    parameters = {one.name: _or_null(one.schema) for one in KNOWN[endpoint]}
    kind = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"The body of POST {endpoint}"}
    return kind | dict(_object(["model", *asked], {"model": _MODEL, **asked, **parameters}))


def line_schema(endpoint: str) -> Schema:
    """Of one line of a batch for this endpoint."""
    fields: Mapping[str, Schema] = {
        "custom_id": _ID,
        "method": {"description": "'POST'", "const": "POST"},
        "url": {"description": f"the batch's endpoint, '{endpoint}'", "const": endpoint},
        "body": body_schema(endpoint),
    }
    kind = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"One line of a batch for {endpoint}"}
    return kind | dict(_object(list(fields), fields))


REQUEST_FILES = {"chat_completion": CHAT, "text_completion": COMPLETIONS}  # by the name of their file
LINE_FILES = {"chat_line": CHAT, "completion_line": COMPLETIONS}  # by the name of their file


def _messages(role: Schema = _ROLE, others: Mapping[str, Schema] = _BESIDE) -> Schema:
    beside = {name: _or_null(schema) for name, schema in others.items()}
    message = _object(["role", "content"], {"role": role, "content": _CONTENT, **beside})
    return {"description": "a list of at least one message", "type": "array", "minItems": 1, "items": message}


def _or_null(schema: Schema) -> Schema:
    """The same schema, which takes null as well."""
    made = dict(schema)
    if isinstance(values := made.get("enum"), list):
        made["enum"] = [*values, None]
    if kinds := made.get("type"):
        made["type"] = [*kinds, "null"] if isinstance(kinds, list) else [kinds, "null"]
    return made
