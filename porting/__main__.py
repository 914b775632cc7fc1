"""``python -m porting``: the command line, for where the ``rnnport`` script is not on the path."""

from porting.cli import main

if __name__ == "__main__":
    main()
