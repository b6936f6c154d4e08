"""The intake API: where videos are handed in, asked about, and watched.

middleware/       applied to every request: identity, limits, headers, error answers
routes/           the handlers: a module for each kind of address
contract/         shapes of requests and answers, errors, ETags, what an operation is
background/       tasks beside the requests: events for streams, messages to webhooks
pages/            the pages for people
app.py            the middleware, on one page; the routes are made of operations.py
operations.py     the table of all operations, whose rows stand beside their handlers
document.py       the table as an OpenAPI document
asgi.py           the app as uvicorn runs it, made from the settings
services.py       the registry, the store, the clocks and limits that handlers work with
caller.py         the caller of a request, and the scope that a request needs
uploads.py        receives a file: from the client to disk, named and hashed
rate_limiting.py  counts requests of each client (redis_deadline.py)
signed_links.py   who may watch a video: everybody, or the holder of a signed link
request_log.py    one request and its answer, for the log and the metrics
probes.py         requests that are answered where all others are refused
rendering.py      renders templates into pages
together.py       batches look-ups that many requests need at the same time
"""
