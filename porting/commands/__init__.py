"""One command a file; each has ``command``, a ``click.Command`` that returns the exit status."""
