"""The machine as engines use it: programs, disks, folders, threads, locks, and calls to
providers."""
