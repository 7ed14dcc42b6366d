"""Light, dark and high contrast. Blue's and green's hues belong to the two stacks alone."""

from __future__ import annotations

import os
from typing import Any

from textual.app import App
from textual.theme import Theme

DARK = Theme(
    name="rehearse-dark",
    dark=True,
    primary="#8a8f98",
    background="#14161a",
    foreground="#d6d8dc",
    surface="#1c1f25",
    panel="#23272e",
    warning="#d9a441",
    error="#e5534b",
    success="#8a8f98",
    accent="#8a8f98",
    variables={
        "stack-blue": "#5ea1ff",
        "stack-green": "#4fc07a",
        "bad": "#ff6b61",
        "ask": "#e8b04a",
        "made": "#d983e0",
        "past": "#858b95",
    },
)
LIGHT = Theme(
    name="rehearse-light",
    dark=False,
    primary="#5c6370",
    background="#fbfaf7",
    foreground="#22252a",
    surface="#f1efea",
    panel="#e8e5de",
    warning="#8a5a00",
    error="#b3261e",
    success="#5c6370",
    accent="#5c6370",
    variables={
        "stack-blue": "#1557b0",
        "stack-green": "#1c7a3e",
        "bad": "#b3261e",
        "ask": "#8a5a00",
        "made": "#8f2f98",
        "past": "#666b75",
    },
)
CONTRAST = Theme(
    name="rehearse-contrast",
    dark=True,
    primary="#ffffff",
    background="#000000",
    foreground="#ffffff",
    surface="#000000",
    panel="#101010",
    warning="#ffd75f",
    error="#ff8080",
    success="#ffffff",
    accent="#ffffff",
    variables={
        "stack-blue": "#87c5ff",
        "stack-green": "#7dff9a",
        "bad": "#ff8080",
        "ask": "#ffd75f",
        "made": "#ffa0ff",
        "past": "#c8c8c8",
    },
)
THEMES = (DARK, LIGHT, CONTRAST)


def dress(app: App[Any]) -> None:
    """Our themes, and the one that REHEARSE_THEME asks for; dark if it names none of them."""
    for theme in THEMES:
        app.register_theme(theme)
    wanted = f"rehearse-{os.environ.get('REHEARSE_THEME', 'dark')}"
    app.theme = wanted if wanted in app.available_themes else "rehearse-dark"
