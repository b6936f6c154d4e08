"""The handlers of the API, a module for each kind of address.

videos.py        /videos and the dubs of a video; submissions.py: POST /videos (probing.py)
lines.py         the lines of a dub; source_lines.py: the lines of a video's own speech
channels.py      the wording (glossary, formality) of the dubs of a channel's videos
languages.py     the languages that are available; wording.py: whether a wording can be heeded
events.py        the events of a video, as server-sent events
media.py         the released files (ranges.py)
keys.py, webhooks.py, health.py, openapi.py
leading.py       the redirect after a form of a page was sent
"""
