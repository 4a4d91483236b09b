"""`python -m cpay` is the `cpay` command."""

import sys

from cpay.cli import main

sys.exit(main())
