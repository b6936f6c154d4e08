"""dub_platform: hand in a video, get it back in other languages.

The pipeline is read top-down in `assets/__init__.py`; the wiring is one page,
`dub_platform/definitions.py`; what a caller sees is in `api/`.
"""
