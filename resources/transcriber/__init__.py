"""Who says what when: recognisers, and the reader of captions that came with a video."""
