"""`python -m weft_worker`, the same as `weft-worker`.

Must hold nothing of its own.
"""

from .cli import main

if __name__ == "__main__":
    raise SystemExit(main())
