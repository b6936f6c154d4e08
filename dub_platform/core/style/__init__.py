"""The wishes for a dub: its wording, its glossary, and which voice speaks for whom."""
