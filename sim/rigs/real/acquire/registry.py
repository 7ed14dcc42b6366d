"""Whether a registry that publishes an image answers: asked once, cheaply, and remembered.

Behind a proxy or off the net every pull would hang for its own time-out; a "no" is therefore
kept for a day for the whole registry (`REHEARSE_PULL=always` asks again, `never` never asks).
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec

from sim import paths
from sim.rigs.real.acquire.daemon import connect

_ASK_DEADLINE_S = 8.0
_REMEMBER_NO_S = 86_400.0
_SILENCE_DEADLINE_S = 60.0
_PULL_DEADLINE_S = 600.0
# Assumption: an image that is not here after ten minutes is built faster than it is pulled.


class Refusal(msgspec.Struct, frozen=True):
    """What a registry last said instead of answering, and when (UTC seconds)."""

    why: str
    at_s: float


def registry_of(image: str) -> str:
    """The registry an image name belongs to, as Docker reads the name."""
    first = image.split("/", 1)[0]
    return first if "/" in image and ("." in first or ":" in first) else "the default registry"


def refused(image: str, daemon: str) -> str:
    """Why the image's registry is not worth asking now, or ""."""
    mode = os.environ.get("REHEARSE_PULL", "auto")
    if mode == "never":
        return "REHEARSE_PULL=never"
    if mode == "always":
        return ""
    known = _read().get(f"{daemon} {registry_of(image)}")
    return known.why if known is not None and 0 <= time.time() - known.at_s < _REMEMBER_NO_S else ""


def pull(image: str, daemon: str) -> str:
    """Pull `image`; "" if it is here now, else why not (and that is remembered). Blocking.

    The cheap probe comes first: the daemon asks the registry for the image's digest alone.
    """
    if why := refused(image, daemon):
        return why
    why = _probe(image)
    if why:
        _remember(f"{daemon} {registry_of(image)}", why)
        return why
    return _pull(image)


def _probe(image: str) -> str:
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    asking = connect(_ASK_DEADLINE_S)
    try:
        asking.api.inspect_distribution(image)
    except (DockerException, RequestException, OSError) as error:
        # The last clause alone: the rest are addresses, which are nobody's business in a report.
        said = str(getattr(error, "explanation", None) or error).rsplit(": ", 1)[-1].strip()
        return f"{registry_of(image)} does not answer ({said[:120]})"
    finally:
        asking.close()
    return ""


def _pull(image: str) -> str:
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    pulling = connect(_SILENCE_DEADLINE_S)
    begun = time.monotonic()
    try:
        for line in pulling.api.pull(image, stream=True, decode=True):
            if "error" in line:
                return str(line["error"])[:200]
            if time.monotonic() - begun > _PULL_DEADLINE_S:
                return f"not pulled within {_PULL_DEADLINE_S:.0f} s"
    except (DockerException, RequestException, OSError) as error:
        return " ".join(str(error).split())[:200]
    finally:
        pulling.close()
    return ""


def _read() -> dict[str, Refusal]:
    try:
        return msgspec.json.decode(_file().read_bytes(), type=dict[str, Refusal])
    except (OSError, msgspec.DecodeError):
        return {}


def _remember(key: str, why: str) -> None:
    known = {**_read(), key: Refusal(why, time.time())}
    scratch = _file().with_suffix(f".{os.getpid()}")
    scratch.write_bytes(msgspec.json.format(msgspec.json.encode(known)))
    scratch.replace(_file())


def _file() -> Path:
    return paths.cache("registries.json")
