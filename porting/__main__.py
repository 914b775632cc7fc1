"""``python -m porting``: the command line, for where the ``rnnport`` script is not on the path."""

import sys

from porting.cli import main

if __name__ == "__main__":
    sys.exit(main())
