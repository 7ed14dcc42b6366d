"""A small Debian file system as a tar, for the images that can't be pulled.

Made by mmdebstrap (as root, or as any user where user namespaces are allowed), else by
debootstrap (root only), from the mirror this machine itself uses where it is a Debian, else
from the tool's own default. Both check Debian's signatures.
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Sequence
from pathlib import Path

from sim.errors import PartMissing
from sim.rigs.real.acquire import commands
from sim.rigs.real.acquire.reporting import Telling

_DEADLINE_S = 1200.0
_LEAVE_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")

_Mirrors = list[tuple[str, str]]

RECIPE = "minbase 1 " + " ".join(_LEAVE_OUT)
"""What fixes the result beside suite and packages, for cache keys."""


def tool() -> str:
    """`mmdebstrap`, `debootstrap`, or "" if neither can be used here."""
    if shutil.which("mmdebstrap"):
        return "mmdebstrap"
    if shutil.which("debootstrap") and os.geteuid() == 0:
        return "debootstrap"
    return ""


async def make_tar(suite: str, packages: Sequence[str], machine: str, work: Path, telling: Telling) -> Path:
    """`work/root.tar` with `suite`'s minimal system and `packages`, for Docker's `machine`."""
    if machine not in (platform.machine(), "") or platform.system() != "Linux":
        raise PartMissing(
            f"{telling.part} can't be built here for the Docker daemon's machine",
            seen=f"daemon: linux {machine}, here: {platform.system().lower()} {platform.machine()}",
            todo="let Docker reach its registry, so that the published image can be pulled",
        )
    name = tool()
    if not name:
        raise PartMissing(
            f"{telling.part} can't be built: no tool here makes a Debian file system",
            seen="neither mmdebstrap nor (as root) debootstrap is on PATH",
            todo="`apt-get install mmdebstrap`, or let Docker reach its registry",
        )
    mirrors = await _own_mirrors(suite)
    telling.now("building", f"Debian {suite} with {', '.join(packages)}, by {name}")
    out = work / "root.tar"
    if name == "mmdebstrap":
        await _mmdebstrap(suite, packages, mirrors, out, telling)
    else:
        await _debootstrap(suite, packages, mirrors, work / "root", out, telling)
    return out


async def _mmdebstrap(suite: str, packages: Sequence[str], mirrors: _Mirrors, out: Path, telling: Telling) -> None:
    leave_out = [f"--dpkgopt=path-exclude={pattern}" for pattern in _LEAVE_OUT]
    arguments = [
        "mmdebstrap",
        "--variant=minbase",
        f"--include={','.join(packages)}",
        *leave_out,
        '--aptopt=Acquire::Languages "none"',
        suite,
        str(out),
        *[f"deb {address} {release} main" for address, release in mirrors],
    ]
    await _run(arguments, telling)


async def _debootstrap(
    suite: str, packages: Sequence[str], mirrors: _Mirrors, root: Path, out: Path, telling: Telling
) -> None:
    arguments = ["debootstrap", "--variant=minbase", f"--include={','.join(packages)}", suite, str(root)]
    # debootstrap takes one mirror, the release's own, which the updates and fixes are not in.
    await _run([*arguments, *[address for address, release in mirrors if release == suite][:1]], telling)
    leave_out = [f"--exclude=.{pattern}" for pattern in (*_LEAVE_OUT, "/var/cache/apt/archives/*.deb")]
    await _run(["tar", "--numeric-owner", *leave_out, "-cf", str(out), "-C", str(root), "."], telling)


async def _run(arguments: list[str], telling: Telling) -> None:
    try:
        ended = await commands.run(arguments, deadline_s=_DEADLINE_S, on_line=telling.line)
    except TimeoutError:
        raise PartMissing(f"{telling.part}: {arguments[0]} did not end within {_DEADLINE_S:.0f} s") from None
    if ended.exit_code != 0:
        raise PartMissing(
            f"{telling.part} can't be built: {arguments[0]} failed",
            seen=ended.tail[-800:],
            todo="give this machine access to a Debian mirror, or let Docker reach its registry",
        )


async def _own_mirrors(suite: str) -> _Mirrors:
    """Address and release (`bookworm`, `bookworm-security`, …) of what this machine's apt uses for `suite`.

    Empty where it uses none for it: then the tools' own defaults hold.
    """
    if not shutil.which("apt-get"):
        return []
    form = "$(REPO_URI) $(RELEASE) $(ORIGIN) $(COMPONENT)"
    ended = await commands.run(["apt-get", "indextargets", "--format", form, "Created-By: Packages"], deadline_s=30)
    found: _Mirrors = []
    for line in ended.tail.splitlines():
        match line.split():
            case [address, release, "Debian", "main"] if release.split("-")[0] == suite:
                found.append((address, release))
    return found if any(release == suite for _, release in found) else []
