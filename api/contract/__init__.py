"""The contract: the shapes of requests and answers, errors, ETags, and what an operation is.

operation.py   one method of an address: what it takes, what it answers, what it refuses
schemas.py     the shapes, field by field; script.py: the shapes of lines
responses.py   converts rows of the registry into these shapes
bodies.py      reads a request's JSON
problems.py    which error is which HTTP status
etags.py       ETags: 304, 412
"""
