"""`winnow estimate`: what a run would take, before it is run.

Beside: `looking` (what is known of data, cache and past), `telling` (words), `limits`, `foresight`
(shown before a run, refused above limits, compared with the run afterwards).
"""
