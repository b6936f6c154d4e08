"""What watches: `requesting` turns what was asked for into runs, `outcome` writes what became of
them, `reconciling` puts right what neither saw, `removal` deletes what was made of removed videos,
and `retention` what nothing refers to any more."""
