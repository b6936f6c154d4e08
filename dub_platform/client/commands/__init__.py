"""What `dub` can be asked, by what it is about. Each module adds its commands to the parser."""
