"""Real parts around our services, for tests of the services alone: no Toxiproxy, no engine.

Two Postgres, Hydra 1.11.10 and 2.3.0, NATS, and edge, login-consent, authz and replayer as
processes, all on loopback ports the kernel gave. `blue_green()` is a context manager.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim.rigs.real.acquire import Parts, acquire
from sim.services.rows import TOKEN_TABLES

ISSUER_HOST, LOGIN_HOST = "auth.rehearse.test", "login.rehearse.test"
PORTS = ("blue-sql", "green-sql", "blue-public", "blue-admin", "green-public", "green-admin", "nats", "edge-public",
         "edge-internal", "edge-control", "login", "login-control", "authz", "authz-control", "toxiproxy",
         "toxic-queue", "toxic-public", "edge-2-public", "edge-2-internal", "edge-2-control")
PASSWORD, SYSTEM, CONTROL, SEAL = "pw-of-a-test", "system-secret-of-a-test", "control-of-a-test", "5e" * 32


def free_ports(names: tuple[str, ...]) -> dict[str, int]:
    """One loopback port per name, free a moment ago."""
    sockets = [socket.socket() for _ in names]
    try:
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return {name: s.getsockname()[1] for name, s in zip(names, sockets, strict=True)}
    finally:
        for s in sockets:
            s.close()


@dataclass
class BlueGreen:
    """Everything that runs."""

    parts: Parts
    folder: Path
    ports: dict[str, int]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    # --- processes ------------------------------------------------------------------------

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def dsn(self, side: str, role: str = "rehearse") -> str:
        return f"postgres://{role}:{PASSWORD}@127.0.0.1:{self.ports[f'{side}-sql']}/hydra?sslmode=disable"

    def start(self, name: str, command: list[str], environment: dict[str, str] | None = None,
              user: str | None = None) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self.folder, user=user, start_new_session=True,
                env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
                     **(environment or {})})

    def stop(self, name: str, sign: int = signal.SIGTERM) -> int:
        """End a process; returns its exit code."""
        process = self.running.pop(name)
        process.send_signal(sign)
        return process.wait(20)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def ready(self, name: str, url: str, headers: dict[str, str] | None = None) -> None:
        until = time.monotonic() + 40
        while True:
            with contextlib.suppress(OSError):
                with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=1):
                    return
            if self.running[name].poll() is not None or time.monotonic() > until:
                raise AssertionError(f"{name} is not ready:\n{self.log(name)[-2000:]}")
            time.sleep(0.05)

    def postgres(self, side: str) -> None:
        programs, data = self.parts.binary("postgres"), self.folder / side
        user = "postgres" if os.geteuid() == 0 else None
        data.mkdir(mode=0o700)
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        if user:
            secret.chmod(0o644)
            os.chown(data, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
        subprocess.run([programs / "initdb", "-D", data, "-U", "rehearse", "-A", "scram-sha-256",
                        f"--pwfile={secret}", "--no-sync"], check=True, user=user, cwd="/", capture_output=True)
        self.start(f"{side}-postgres", [
            str(programs / "postgres"), "-D", str(data), "-p", str(self.ports[f"{side}-sql"]),
            "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={data}"], user=user)
        until = time.monotonic() + 20
        while subprocess.run([programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.ports[f"{side}-sql"])],
                             check=False).returncode:
            assert time.monotonic() < until, self.log(f"{side}-postgres")
            time.sleep(0.05)
        self.sql(side, f"CREATE ROLE hydra LOGIN PASSWORD '{PASSWORD}'", database="postgres")
        self.sql(side, f"CREATE ROLE edge LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_read_all_data", database="postgres")
        self.sql(side, "ALTER ROLE edge SET default_transaction_read_only = on", database="postgres")
        self.sql(side, "CREATE DATABASE hydra OWNER hydra", database="postgres")

    def sql(self, side: str, statement: str, *, database: str = "hydra") -> str:
        """Run with psql as superuser; returns unaligned rows."""
        return self._client("psql", side, "-d", database, "-AtX", "-v", "ON_ERROR_STOP=1", "-c", statement).strip()

    def _client(self, program: str, side: str, *arguments: str) -> str:
        done = subprocess.run(
            [self.parts.binary("postgres") / program, "-h", "127.0.0.1", "-p", str(self.ports[f"{side}-sql"]),
             "-U", "rehearse", *arguments], capture_output=True, text=True, check=False,
            env={**os.environ, "PGPASSWORD": PASSWORD})
        assert done.returncode == 0, done.stderr
        return done.stdout

    def hydra_environment(self, side: str, **more: str) -> dict[str, str]:
        return {
            "DSN": self.dsn(side, "hydra") + "&max_conns=10", "SECRETS_SYSTEM": SYSTEM,
            "URLS_SELF_ISSUER": f"http://{ISSUER_HOST}/", "URLS_LOGIN": f"http://{LOGIN_HOST}/login",
            "URLS_CONSENT": f"http://{LOGIN_HOST}/consent", "URLS_LOGOUT": f"http://{LOGIN_HOST}/logout",
            "URLS_ERROR": f"http://{LOGIN_HOST}/error", "SERVE_PUBLIC_HOST": "127.0.0.1",
            "SERVE_PUBLIC_PORT": str(self.ports[f"{side}-public"]), "SERVE_ADMIN_HOST": "127.0.0.1",
            "SERVE_ADMIN_PORT": str(self.ports[f"{side}-admin"]), "SERVE_COOKIES_SAME_SITE_MODE": "Lax",
            "LOG_LEVEL": "error", "SQA_OPT_OUT": "true", "OAUTH2_HASHERS_BCRYPT_COST": "4", **more}

    def migrate(self, side: str, version: str) -> None:
        done = subprocess.run([self.parts.binary(f"hydra-{version}"), "migrate", "sql", "-e", "--yes"],
                              env=self.hydra_environment(side), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]

    def hydra(self, side: str, version: str, **more: str) -> None:
        flag = "--dangerous-force-http" if version.startswith("1.") else "--dev"
        self.start(f"{side}-hydra", [str(self.parts.binary(f"hydra-{version}")), "serve", "all", flag],
                   self.hydra_environment(side, **more))
        self.ready(f"{side}-hydra", self.url(f"{side}-admin") + "/health/ready")

    def queue(self) -> None:
        config = self.folder / "nats.conf"
        config.write_text(f'listen: "127.0.0.1:{self.ports["nats"]}"\n'
                          f'jetstream {{ store_dir: "{self.folder}/js", sync_interval: always, '
                          'max_memory_store: 16MB }\n')  # as in compose/config/queue
        self.start("queue", [str(self.parts.binary("nats")), "-c", str(config)])

    def toxiproxy(self) -> None:
        """Two links with Toxiproxy in them: `toxic-queue` and `toxic-public` (blue's)."""
        self.start("toxiproxy", [str(self.parts.binary("toxiproxy")), "-host", "127.0.0.1", "-port",
                                 str(self.ports["toxiproxy"])])
        self.ready("toxiproxy", self.url("toxiproxy") + "/version")
        for name, to in (("toxic-queue", "nats"), ("toxic-public", "blue-public")):
            self._toxi("POST", "/proxies", {"name": name, "listen": f"127.0.0.1:{self.ports[name]}",
                                            "upstream": f"127.0.0.1:{self.ports[to]}", "enabled": True})

    @contextlib.contextmanager
    def slow(self, link: str, latency_s: float) -> Iterator[None]:
        """What is sent through `link` arrives `latency_s` late; answers are not slowed."""
        self._toxi("POST", f"/proxies/{link}/toxics", {
            "name": "slow", "type": "latency", "stream": "upstream", "toxicity": 1.0,
            "attributes": {"latency": round(latency_s * 1000), "jitter": 0}})
        try:
            yield
        finally:
            self._toxi("DELETE", f"/proxies/{link}/toxics/slow")

    def _toxi(self, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        asked = urllib.request.Request(self.url("toxiproxy") + path, method=method,
                                       data=json.dumps(body).encode() if body else None)
        urllib.request.urlopen(asked, timeout=2).close()

    def services_environment(self, **more: str) -> dict[str, str]:
        sides = {}
        for side in ("blue", "green"):
            name = side.upper()
            prefix = "" if side == "blue" else "/admin"
            sides |= {
                f"EDGE_{name}_PUBLIC": self.url(f"{side}-public"), f"EDGE_{name}_ADMIN": self.url(f"{side}-admin"),
                f"EDGE_{name}_ADMIN_PREFIX": prefix, f"EDGE_{name}_DSN": self.dsn(side, "edge"),
                f"LOGIN_{name}_ADMIN": self.url(f"{side}-admin"), f"LOGIN_{name}_PREFIX": prefix,
                f"AUTHZ_{name}_ADMIN": self.url(f"{side}-admin"), f"AUTHZ_{name}_PREFIX": prefix}
        listens = {"EDGE_PUBLIC": "edge-public", "EDGE_INTERNAL": "edge-internal", "EDGE_CONTROL": "edge-control",
                   "LOGIN_PUBLIC": "login", "LOGIN_CONTROL": "login-control", "AUTHZ_PUBLIC": "authz",
                   "AUTHZ_CONTROL": "authz-control"}
        return {**{key: f"127.0.0.1:{self.ports[name]}" for key, name in listens.items()}, **sides,
                "EDGE_QUEUE": f"nats://127.0.0.1:{self.ports['nats']}", "EDGE_COALESCING_S": "10",
                "EDGE_BUFFER_S": "1.5", "EDGE_BUFFER_MAX": "20", "CONTROL_TOKEN": CONTROL, **more}

    def edge(self, name: str = "edge", **more: str) -> None:
        """Start the edge (or a second, `edge-2`), again with other settings if it runs."""
        if name in self.running:
            assert self.stop(name) == 0
        listens = {f"EDGE_{port.upper()}": f"127.0.0.1:{self.ports[f'{name}-{port}']}"
                   for port in ("public", "internal", "control")}
        self.start(name, [sys.executable, "-m", "sim.services.edge"], self.services_environment(**listens, **more))
        self.ready(name, self.url(f"{name}-control") + "/health")

    def apps(self) -> None:
        for name, module in (("login", "login_consent"), ("authz", "authz")):
            self.start(name, [sys.executable, "-m", f"sim.services.{module}"], self.services_environment())
            self.ready(name, self.url(f"{name}-control") + "/health")

    def copy(self) -> None:
        """Blue's database, dumped and restored on green, and migrated to 2.3.0 with its consents repaired."""
        dump = self.folder / "dump"
        self._client("pg_dump", "blue", "-d", "hydra", "-Fc", "-f", str(dump))
        subjects = self.sql("blue", "SELECT json_object_agg(challenge, subject) FROM hydra_oauth2_consent_request")
        self.sql("green", "DROP DATABASE hydra WITH (FORCE)", database="postgres")
        self.sql("green", "CREATE DATABASE hydra OWNER hydra", database="postgres")
        self._client("pg_restore", "green", "-d", "hydra", "--role=hydra", str(dump))
        self.migrate("green", "2.3.0")
        self.sql("green", f"""
            UPDATE hydra_oauth2_flow f SET subject = s.value FROM json_each_text('{subjects or "{}"}') s
             WHERE f.consent_challenge_id = s.key;
            GRANT DELETE ON {', '.join(TOKEN_TABLES)} TO edge;
            UPDATE hydra_oauth2_flow SET state = 6, granted_scope = coalesce(granted_scope, '[]')
             WHERE state = 128 AND login_error = '{{}}' AND consent_error = '{{}}' AND consent_was_used""")

    def replay(self, *, direction: str = "forward", by: str = "grant", workers: int = 4) -> dict[str, Any]:
        """Run the replayer to its end; its last line, with `exit` added."""
        done = subprocess.run(
            [sys.executable, "-m", "sim.services.replayer", "--direction", direction, "--by", by,
             "--workers", str(workers)], capture_output=True, text=True, check=False, timeout=60,
            env=self._replay_environment())
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert lines and lines[-1]["event"] == "done", (done.returncode, done.stdout, done.stderr)
        return {**lines[-1], "exit": done.returncode}

    def killed_replay(self, message: int, *, workers: int = 4) -> None:
        """Run the replayer until it stands after so many messages, and kill it there."""
        process = subprocess.Popen(
            [sys.executable, "-m", "sim.services.replayer", "--direction", "forward", "--workers", str(workers)],
            stdout=subprocess.PIPE, text=True, env={**self._replay_environment(), "REPLAY_HALT_AFTER": str(message)})
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if json.loads(line) == {"event": "halted", "message": message}:
                    return
            raise AssertionError(f"it ended before message {message}")
        finally:
            process.kill()
            assert process.wait() == -signal.SIGKILL
            process.stdout.close()

    def _replay_environment(self) -> dict[str, str]:
        return {**os.environ, "REPLAY_QUEUE": f"nats://127.0.0.1:{self.ports['nats']}",
                "REPLAY_BLUE_DSN": self.dsn("blue"), "REPLAY_GREEN_DSN": self.dsn("green"),
                "REPLAY_GREEN_PUBLIC": self.url("green-public"), "REPLAY_GREEN_ADMIN": self.url("green-admin"),
                "REPLAY_SEAL_KEY": SEAL}

    def close(self) -> None:
        order = [n for n in self.running if not n.endswith("-postgres")]
        for name in (*order, *[n for n in self.running if n.endswith("-postgres")]):
            process = self.running[name]
            process.send_signal(signal.SIGINT if name.endswith("-postgres") else signal.SIGTERM)
        for process in self.running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
                continue
            process.kill()
        self.running.clear()


@contextlib.contextmanager
def blue_green() -> Iterator[BlueGreen]:
    """Blue with Hydra 1.11.10, an empty green Postgres, the queue and our services; green's Hydra not started."""
    parts = asyncio.run(acquire("process"))
    folder = Path(tempfile.mkdtemp(prefix="rehearse-services-"))
    folder.chmod(0o755)  # Postgres runs as another user when we are root
    rig = BlueGreen(parts, folder, free_ports(PORTS))
    try:
        rig.postgres("blue")
        rig.postgres("green")
        rig.queue()
        rig.migrate("blue", "1.11.10")
        rig.hydra("blue", "1.11.10")
        rig.edge()
        rig.apps()
        yield rig
    finally:
        rig.close()
        shutil.rmtree(folder, ignore_errors=True)
