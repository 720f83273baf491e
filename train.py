"""Fine-tune a small decoder language model on pairs: `python train.py fit | validate | test | predict | show`."""

from __future__ import annotations

from cli.main import main

if __name__ == "__main__":
    main()
