"""The intake API: where videos are handed in, asked about, and watched.

middleware/       what happens to every request, whatever it asks for
routes/           the handlers: a module for each kind of address
contract/         what is asked and answered: shapes, errors, ETags, the table of all operations
background/       what works beside the requests: events for streams, messages to webhooks
pages/            the pages for people
app.py            the routes and the middleware, on one page
asgi.py           the app as uvicorn runs it, made from the settings
services.py       everything that handlers work with
caller.py         who a request is from, and what it must be allowed
uploads.py        a file on its way from a client to the store
rate_limiting.py  how many requests a client may make (redis_deadline.py)
signed_links.py   who may watch: everybody, or who has a signed link
request_log.py    a request and its answer, as the log and the metrics tell of them
probes.py         requests that are let through where others are not
rendering.py      templates into pages
together.py       looking up at once what many ask for at the same time
"""
