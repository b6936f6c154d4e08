"""Measures a finished dub in the released file, as a listener hears it.

report.py    everything about a release; lines.py: one line (clicks.py)
original.py  how late the source's sound is, and how much of its voice is left
pauses.py    pauses compared to the source's; words.py: words recognised again
takes.py     takes heard again, before there is a release
released.py  decodes the released file
"""
