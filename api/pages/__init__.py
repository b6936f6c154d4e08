"""The pages for people: the start page, the player, and the error page.

All of it that HTML can do works without script: forms post, downloads are links. Script and style
come from /static, below the version of the release, so that the Content-Security-Policy can forbid
inline ones, and a browser keeps them.
"""
