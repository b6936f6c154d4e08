"""The words of a dub: recognised words made lines, edits of lines, captions as they are written."""
