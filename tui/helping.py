"""What `?` shows: the keys, the words, where the estimates come from."""

from __future__ import annotations

from tui import words
from tui.state import Shown

_KEYS = """\
space  pause or resume the runbook after the step under way; never the traffic
a      approve: GO at a gate            p  postpone the gate or the cutover by 60 s
x      abort and roll back to blue; NO-GO at a gate. Asks once
n      a note for the history
1      overview      7  verdict         ctrl+p  every command by name, and the theme
q      quit: leave the run running, abort it, or stay
verdict: ↑↓ choose a check, enter its evidence, e explain, r the report"""

_REPLAY = """\
space  hold or go on                    + -  faster, slower
→      ahead 10 s                       end  to the end
1      overview      7  verdict         q    quit
verdict: ↑↓ choose a check, enter its evidence, e explain, r the report"""

_WORDS = """\
WHERE           the step of the runbook, and how far it is. ~ is an estimate
SAFE?           the checks so far: ✓ held  ○ open  ? unknown  ✗ broken  – not asked
LOST            what only blue has since the copy; frozen at the switch
WAY BACK        what an abort costs this second: free, N grants, or closed
failed          no usable answer        shed   refused on purpose by the edge
wrong           a revoked token called active, or a good one inactive
latency         from when the request was due, last 10 s
REVOCATIONS     acknowledged = on green + in queue (+ void: nothing to do on green)
colours         blue and green are the two stacks; red ✗ broken; amber waits for you
                or is unknown; magenta was made by us; grey is past or idle"""


def text(shown: Shown, *, replay: bool) -> str:
    """The help's text."""
    runs = shown.earlier.runs
    if runs:
        source = f"Estimates (~) are medians of {words.plural(runs, 'earlier run')} of this scenario beside this one."
    else:
        source = "No earlier run of this scenario lies beside this one: estimated is only what the scenario waits for."
    return "\n\n".join((_REPLAY if replay else _KEYS, _WORDS, source))
