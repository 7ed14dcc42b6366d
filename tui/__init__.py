"""The screen: follows a history, live or replayed, and talks to a run over its socket."""
