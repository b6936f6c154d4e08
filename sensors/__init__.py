"""What watches: `intake` turns what was asked for into runs, `outcome` writes what became of
them, `upkeep` puts right what neither saw, `removal` deletes what was made of removed videos."""
