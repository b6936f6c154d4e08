"""The words of a dub: from recognised words to lines, edits and corrections of lines, captions."""
