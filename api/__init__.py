"""The intake: where videos are handed in, asked about, and watched.

app.py          the routes and the middleware, on one page
desk.py         what the handlers work with
asgi.py         the desk built from the settings, for uvicorn
intake.py       POST /videos: a link, or a file (uploads.py, probing.py)
videos.py       GET, PATCH and DELETE /videos, and the dubs of a video (answers.py)
channels.py     GET and PUT /channels: how the dubs of a channel's videos are worded
clients.py      where a request comes from, and whether it may come from there (probes.py)
auth.py         API keys: who asks, and whether they may
keys.py         GET and POST /keys, DELETE /keys/{id}
limits.py       how much each client may ask (rate_limiting.py)
room.py         how many files and streams may be read at once (pace.py)
links.py        who may watch: everybody, or who has a signed link
media.py        the released files, with Range
problems.py     which error is which HTTP status
operations.py   what every address takes and answers (openapi.py, pages/docs.py)
conditional.py  ETags: 304, 412
idempotency.py  a POST that is sent again (body_digest.py, sealing.py)
pages/          the start page, the player and the contract (rendering.py)
"""
