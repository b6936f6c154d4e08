"""What is asked and what is answered.

operations.py  every address: what it takes, what it answers, what it refuses
schemas.py     the shapes, field by field; script.py: those of lines
responses.py   the registry's rows as these shapes
bodies.py      a request's JSON
problems.py    which error is which HTTP status
etags.py       ETags: 304, 412
"""
