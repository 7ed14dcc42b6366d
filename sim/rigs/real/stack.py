"""The stack file, read: services, links, and what their variables become.

`compose/stack.yaml` is a Compose file; the engines interpolate it themselves, because the
process engine gives loopback addresses where Compose would give service names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from sim.errors import BadInput
from sim.paths import data
from sim.rigs.rig import Side
from sim.scenario.replicas import EDGE, replicated
from sim.services import planted

if TYPE_CHECKING:
    import networkx

_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)(?:(:?)-([^}]*))?\}|\$\$")


def variable_name(*parts: str) -> str:
    """`LINK_EDGE_BLUE_HYDRA_ADMIN` of ("LINK", "edge->blue-hydra:admin")."""
    return re.sub(r"[^A-Z0-9]+", "_", "_".join(parts).upper())


CPU_SHARES = 1024
"""Everybody's weight. Source: cpu_shares' default, docker run --cpu-shares."""


class Link(msgspec.Struct, frozen=True):
    """One Toxiproxy proxy: `from->to[:port]`."""

    name: str
    listen: int
    """The proxy's port inside the stack's network."""
    service: str
    """Where it leads."""
    port: str
    """The port's name there."""
    harness: bool = False
    """True = the harness itself dials it, so the docker engine publishes it."""
    shared: bool = False
    """True = only there where green uses blue's database."""

    @property
    def source(self) -> str:
        """Who dials it."""
        return self.name.split("->")[0]

    @property
    def variable(self) -> str:
        """The variable that holds the address to dial, `host:port`."""
        return variable_name("LINK", self.name)


class Service(msgspec.Struct, frozen=True):
    """One service or job of the stack, interpolated for a run."""

    name: str
    image: str
    program: str
    """The part that runs it: `hydra-1.11.10`, `postgres`, `postgres-15`, `toxiproxy`, `nats` or `python`."""
    ports: dict[str, int]
    environment: dict[str, str]
    command: list[str]
    config: list[str]
    """Files of compose/config/<service>/ that it reads."""
    profiles: list[str]
    depends_on: list[str]
    volumes: dict[str, str] = {}
    """Named volume → where it is mounted."""
    shm_size: str = ""
    stop_signal: str = "SIGTERM"
    cpu_shares: int = CPU_SHARES
    """Its weight where cores are few."""

    @property
    def kind(self) -> str:
        """The program without its version: `hydra`, `postgres`, `toxiproxy`, `nats` or `python`."""
        return self.program.split("-")[0]


OWN_DATABASE, SHARED_DATABASE = "green-postgres", "blue-postgres"
"""Green's database: its own, or blue's."""


class Stack:
    """The stack file; nothing in it is a run's own but whether both sides share blue's database, and how many
    edges there are."""

    def __init__(self, path: Path, raw: dict[str, Any], *, shared: bool = False, edges: int = 1) -> None:
        self.path = path
        raw = replicated(raw, EDGE, edges)
        self._raw: dict[str, dict[str, Any]] = dict(raw.get("services", {}))
        every: dict[str, Link] = {}
        for name, told in raw.get("x-links", {}).items():
            service, _, port = str(told["to"]).partition(":")
            every[name] = Link(name, int(told["listen"]), service, port, bool(told.get("harness")),
                               bool(told.get("shared")))
        self.is_shared = shared
        self.databases: dict[Side, str] = {
            "blue": SHARED_DATABASE, "green": SHARED_DATABASE if shared else OWN_DATABASE}
        """Side → the service that holds its database: the one place that knows it."""
        self.links: dict[str, Link] = {
            name: link for name, link in every.items()
            if (link.service != OWN_DATABASE if shared else not link.shared)}
        self.dialled: dict[str, str] = {link.variable: name for name, link in self.links.items()}
        """Variable → the link whose address it holds."""
        if shared:
            self._raw.pop(OWN_DATABASE, None)
            for link in every.values():
                instead = f"{link.source}->{SHARED_DATABASE}"
                if link.service == OWN_DATABASE and instead in self.links:
                    self.dialled[link.variable] = instead
        self._check()

    def _check(self) -> None:
        for link in self.links.values():
            ports = self._raw.get(link.service, {}).get("x-ports", {})
            if link.port not in ports:
                raise BadInput(f"the link {link.name} leads to {link.service}:{link.port}, which is not there",
                               where=str(self.path), todo="name a service and one of its x-ports")

    @property
    def names(self) -> list[str]:
        """Every service and job."""
        return list(self._raw)

    @property
    def always(self) -> list[str]:
        """Services without a profile, in an order in which they can start."""
        import networkx

        order = [name for name in networkx.lexicographical_topological_sort(self.start_order())]
        return [name for name in order if not self._raw[name].get("profiles")]

    def ports(self, service: str) -> dict[str, int]:
        """A service's ports by name, as they are inside the stack's network."""
        return {name: int(port) for name, port in self._raw[service].get("x-ports", {}).items()}

    def needs(self, service: str) -> list[str]:
        """The services that must be ready before this one."""
        found = list(self._raw[service].get("depends_on") or [])
        return [SHARED_DATABASE if self.is_shared and name == OWN_DATABASE else name for name in found]

    def matching(self, name: str) -> list[str]:
        """The links a name means: itself, or all of that pair if it has no port.

        Raises BadInput if there is none.
        """
        found = [link for link in self.links if link == name or link.startswith(name + ":")]
        if not found:
            raise BadInput(f"there is no link {name!r}", where=str(self.path),
                           todo="one of " + ", ".join(self.links))
        return found

    def service(self, name: str, variables: Mapping[str, str]) -> Service:
        """One service with its variables filled in; the process environment is not asked."""
        raw = self._raw[name]
        environment = raw.get("environment") or {}
        return Service(
            name=name,
            image=interpolate(str(raw.get("image", "")), variables),
            program=interpolate(str(raw.get("x-program", "")), variables),
            ports=self.ports(name),
            environment={key: interpolate(str(value), variables) for key, value in environment.items()},
            command=[interpolate(str(word), variables) for word in raw.get("command", [])],
            config=list(raw.get("x-config", [])),
            profiles=list(raw.get("profiles", [])),
            depends_on=self.needs(name),
            volumes=_named_volumes(raw.get("volumes") or []),
            shm_size=str(raw.get("shm_size", "")),
            stop_signal=str(raw.get("stop_signal", "SIGTERM")),
            cpu_shares=int(raw.get("cpu_shares") or CPU_SHARES),
        )

    def config(self, service: str, filename: str, variables: Mapping[str, str]) -> str:
        """A configuration file of the stack with its variables filled in."""
        return interpolate((self.path.parent / "config" / service / filename).read_text(), variables)

    def start_order(self) -> networkx.DiGraph:
        """Service → who needs it."""
        import networkx

        graph = networkx.DiGraph()
        graph.add_nodes_from(self._raw)
        for name in self._raw:
            graph.add_edges_from((needed, name) for needed in self.needs(name))
        return graph

    def graph(self) -> networkx.MultiDiGraph:
        """Who talks to whom: one edge a link, with its name."""
        import networkx

        graph = networkx.MultiDiGraph()
        graph.add_nodes_from(self._raw)
        for link in self.links.values():
            graph.add_edge(link.source, link.service, key=link.name, link=link.name)
        return graph


def load_stack(path: Path | None = None, override: Path | None = None, *, shared: bool = False,
               edges: int = 1) -> Stack:
    """Read the stack file; an override's services are laid over it, key by key.

    `shared`: green uses blue's database and there is no green-postgres. `edges`: how many edges stand
    side by side.

    Raises BadInput with the place if a file can't be read.
    """
    where = path or data("compose", "stack.yaml")
    raw = _read(where)
    if override is not None:
        over = _read(override)
        for name, service in (over.get("services") or {}).items():
            _refuse_planted(service, f"{override}: {name}")
            base = raw.setdefault("services", {}).setdefault(name, {})
            for key, value in (service or {}).items():
                mine = base.get(key)
                base[key] = {**mine, **value} if isinstance(mine, dict) and isinstance(value, dict) else value
    return Stack(where, raw, shared=shared, edges=edges)


def _refuse_planted(service: dict[str, Any] | None, where: str) -> None:
    if planted.VARIABLE in str((service or {}).get("environment") or ""):
        raise BadInput(f"{planted.VARIABLE} plants a bug, and is no setting", where=where,
                       todo="leave it out: `rehearse bench recall` alone plants bugs")


def _named_volumes(volumes: list[str]) -> dict[str, str]:
    """`name:/path` entries; a folder of the project (`./…`) is no volume."""
    pairs = (volume.split(":") for volume in volumes if not volume.startswith("."))
    return {pair[0]: pair[1] for pair in pairs}


def _read(path: Path) -> dict[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        read = YAML(typ="safe", pure=True).load(path.read_text())
    except (OSError, YAMLError) as error:
        raise BadInput("the stack file can't be read", where=str(path), seen=str(error)) from error
    if not isinstance(read, dict):
        raise BadInput("the stack file is empty", where=str(path))
    return read


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """Compose's `${NAME:-default}`, `${NAME-default}`, `${NAME}` and `$$`.

    With `:-` an empty value counts as none; an unknown name without default is ''.
    """

    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        known = variables.get(match[1])
        return (known if known or (known is not None and not match[2]) else match[3]) or ""

    return _VARIABLE.sub(value, text)
