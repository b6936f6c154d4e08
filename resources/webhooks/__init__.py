"""Messages to addresses that users named, and to nothing that is not public."""
