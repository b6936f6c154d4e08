"""What a listener gets of a dub, measured in the file that is released."""
