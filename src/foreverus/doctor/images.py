"""Is the engine's image where a GPU would pull it from? Its registry is asked as Docker asks it; nothing is pulled.

A registry answers 401 with the place of a token that anybody gets for a public image (Docker Registry HTTP API V2,
"Token Authentication"), then the digest of what a tag or a digest names.
"""

import json
import re
from dataclasses import dataclass

from foreverus.aws.account import CannotLook
from foreverus.doctor.records import Finding, Patient, WebAnswer, act, note, ok

NAME = "engine image"
DOCKER_HUB = "registry-1.docker.io"
KINDS = (
    "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
)


@dataclass(frozen=True)
class Image:
    """`name:tag@digest`, taken apart.

    >>> Image.parse("vllm/vllm-openai:v1@sha256:ab")
    Image(registry='registry-1.docker.io', repository='vllm/vllm-openai', tag='v1', digest='sha256:ab')
    >>> Image.parse("ghcr.io/a/b:2@sha256:cd").registry
    'ghcr.io'
    """

    registry: str
    repository: str
    tag: str
    digest: str

    @staticmethod
    def parse(text: str) -> "Image":
        name, _, digest = text.partition("@")
        path, _, tag = name.rpartition(":")
        first, _, rest = path.partition("/")
        if "." in first or ":" in first:  # a host, as Docker tells it from a name
            return Image(first, rest, tag, digest)
        return Image(DOCKER_HUB, path if "/" in path else f"library/{path}", tag, digest)


def engine_image(patient: Patient) -> Finding:
    text = patient.parameter("EngineImage")
    image, command = Image.parse(text), f"docker buildx imagetools inspect {text.partition('@')[0]}"
    try:
        pinned, tagged = _manifest(patient, image, image.digest), _manifest(patient, image, image.tag)
    except CannotLook as err:  # this computer's network is not the GPU's
        return note(NAME, f"Could not be looked at from here: {err}", command)
    if pinned.status == 404:
        return act(NAME, f"{image.registry} has no {text}: choose another for EngineImage.", command)
    if pinned.status != 200:
        return note(NAME, f"{image.registry} answered {pinned.status} for {text}.", command)
    now = tagged.headers.get("docker-content-digest", image.digest)
    if tagged.status == 200 and now != image.digest:
        return note(NAME, f"{text} is there; its tag is {now} by now, another build.", command)
    return ok(NAME, f"{image.repository}:{image.tag} is there, with the digest that is pinned")


def _manifest(patient: Patient, image: Image, reference: str) -> WebAnswer:
    url = f"https://{image.registry}/v2/{image.repository}/manifests/{reference}"
    found = patient.fetch("HEAD", url, {"Accept": KINDS})
    if found.status != 401:
        return found
    place = dict(re.findall(r'(\w+)="([^"]*)"', found.headers.get("www-authenticate", "")))
    if not place.get("realm", "").startswith("https://"):
        return found
    asked = f"{place['realm']}?service={place.get('service', '')}&scope=repository:{image.repository}:pull"
    try:
        given = json.loads(patient.fetch("GET", asked, {}).body)
        token = given.get("token") or given["access_token"]
    except (ValueError, KeyError, AttributeError) as err:
        raise CannotLook(image.registry, "no token", "it gave none for a public image") from err
    return patient.fetch("HEAD", url, {"Accept": KINDS, "Authorization": f"Bearer {token}"})
