"""``python -m voltagent``."""

import sys

from voltagent.cli import main

if __name__ == "__main__":
    sys.exit(main())
