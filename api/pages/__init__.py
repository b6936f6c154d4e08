"""The pages for people: the start page, the player, and a page for what went wrong.

They work without a script as far as HTML goes: the form posts, the downloads are links. All
script and style is served from /static, so that the policy forbids what is inline.
"""
