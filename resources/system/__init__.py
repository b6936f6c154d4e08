"""What engines ask of the machine: programs, disks, folders, threads, locks, calls."""
