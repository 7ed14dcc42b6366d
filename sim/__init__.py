"""The rehearsal sandbox: scenario → ops → history → verdict → screen."""
