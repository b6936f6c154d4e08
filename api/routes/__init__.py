"""The handlers, a module for each kind of address.

videos.py        /videos and the dubs of a video; submissions.py: POST /videos (probing.py)
lines.py         the lines of a dub; source_lines.py: those of the video
channels.py      how the dubs of a channel's videos are worded
languages.py     which languages there are; wording.py: which can be worded
events.py        what happens to a video, as server-sent events
media.py         the released files (ranges.py)
keys.py, webhooks.py, health.py, openapi.py
leading.py       from what a page's form has done to the page that shows it
"""
