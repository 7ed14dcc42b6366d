"""How real programs are run: as containers or as local processes."""
