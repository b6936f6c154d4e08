"""Who says what when."""
