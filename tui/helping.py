"""What `?` shows: the keys, the words, where the estimates come from."""

from __future__ import annotations

from tui import words
from tui.state import Shown

_KEYS = """\
space  pause or resume the runbook after the step under way; never the traffic
a p x  GO, postpone 60 s, NO-GO at a gate (G its sheet); x else: abort, asks once
f      a fault; on a link or part under the hand (tab) at once, else f again
       there; enter the kind, enter its figures
       (esc f f enter enter from here: 250 ms on a link for 10 s). H heals all
b s    buffer traffic, one step if paused   !  panic: at once, no question
n      a note for the history               T  dark, light, high contrast
w      on a game day: what is wrong now; it counts as noticing (8 its screen)
q      quit (ctrl+q too): leave the run running, abort it, or stay
ctrl+c asks to abort and roll back; once more stops and cleans up at once"""

_REPLAY = """\
space  hold or go on                    + -  speed, 0.5 to 50 times
← →    10 s back, ahead                 home end  the beginning, the end
[ ]    phase before, next               { }  fault before, next
B      the first op that broke something     click the line: go there
T      dark, light, high contrast       q    quit"""

_SCREENS = """\
1 overview  2 traffic  3 faults  4 database  5 ledger  6 log  7 verdict
tab enter   walk over the figures and open one; so does a click. Every figure
            ends at its ops: request, answer, exact command, UTC time
y           copies the figure's op as curl, psql or YAML    e  explains it
verdict     enter evidence, there enter the op; o the op at once; r the report
            y the check as YAML; R the same run again
/           filters a list                           ctrl+p  every command"""

_WORDS = """\
WHERE           the step of the runbook, and how far it is. ~ is an estimate
SAFE?           the checks: ✓ held  ○ open  ? unknown  ✗ broken  – not asked
LOST            what only blue has since the copy; frozen at the switch
WAY BACK        what an abort costs this second: free, N grants, or closed; its
                time is that of earlier undos (over: not all are known)
failed          no usable answer        shed   refused on purpose by the edge
wrong           a revoked token called active, or a good one inactive
latency         from when the request was due, last 10 s
REVOCATIONS     acknowledged = on green + in queue + void (nothing to do there)
colours         blue and green are the two stacks; red ✗ broken; amber waits
                for you or is unknown; magenta made by us; grey past or idle
bold            changed within the last second"""


def text(shown: Shown, *, replay: bool) -> str:
    """The help's text."""
    runs = shown.earlier.runs
    if runs:
        source = f"Estimates (~) are medians of {words.plural(runs, 'earlier run')} of this scenario beside this one."
    else:
        source = "No earlier run of this scenario lies beside this one: estimated is only what the scenario waits for."
    return "\n\n".join((_REPLAY if replay else _KEYS, _SCREENS, _WORDS, source))
