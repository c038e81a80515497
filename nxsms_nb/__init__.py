"""Send a pandas frame as SMS through NXCloud, once, and see row by row what became of it."""
