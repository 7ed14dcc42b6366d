"""Figures as the screen writes them. Seconds and bytes inside, people's units here."""

from __future__ import annotations


def instant(t_s: float, *, tenths: bool = False) -> str:
    """`00:57` or `00:57.4`."""
    if tenths:
        whole = round(t_s * 10)
        return f"{whole // 600:02d}:{whole % 600 / 10:04.1f}"
    return f"{int(t_s) // 60:02d}:{int(t_s) % 60:02d}"


def took(s: float) -> str:
    """`5.7 s`, `1:40 min`."""
    return f"{s:.1f} s" if s < 100 else f"{int(s) // 60}:{int(s) % 60:02d} min"


def ms(s: float | None) -> str:
    """Milliseconds in at most five cells: `4.3`, `38`, `1.2k`, `-`."""
    if s is None:
        return "-"
    value = s * 1000
    if value < 99.95:
        return f"{value:.1f}"
    return f"{value:.0f}" if value < 10_000 else f"{value / 1000:.0f}k"


def count(n: float) -> str:
    """`612`, `9,612`, `96k`, `1.2M`."""
    if n < 10_000:
        return f"{n:,.0f}"
    return f"{n / 1000:.0f}k" if n < 1_000_000 else f"{n / 1e6:.1f}M"


def megabytes(b: float) -> str:
    """`118 MB`, `1.2 GB`."""
    return f"{b / 1e6:.0f} MB" if b < 1e9 else f"{b / 1e9:.1f} GB"


def size(b: float) -> str:
    """Of what may be small: `8 kB`, `5.0 MB`, `41 MB`, `1.2 GB`."""
    return f"{b / 1e3:.0f} kB" if b < 999_500 else f"{b / 1e6:.1f} MB" if b < 9.95e6 else megabytes(b)


def plural(n: int, one: str, many: str = "") -> str:
    """`1 grant`, `2 grants`."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def one_line(said: object) -> str:
    """Without line breaks and tabs, which would break the screen."""
    return " ".join(str(said).split())
