"""Plain Python: the types of the pipeline and the rules of dubbing.

At the top is what all rules share: `speech.py` has the values that travel down the pipeline,
`timeline.py` says where takes start, `loudness.py` and `mixing.py` how loud all is, `errors.py`
what can go wrong. `style/` is what people wish of a dub, `text/` what is said in it, `timing/` how
that fits its time, `service/` what is about videos, callers and money rather than about speech.

Nothing here reads a file, opens a socket or knows Dagster, so all of it is tested in
milliseconds (`make test-quick`).
"""
