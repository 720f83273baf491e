"""Making the models that ship, their tokenizer and their cards.

    texts ──► train_tokenizer ──► builtin/          a tokenizer and an architecture
    a pretraining run ──► bundled ──► bundled/      weights and a card: `make bundled`
    a fine-tuning run ──► flagship ──► flagship/    weights and a card: `make flagship`

- *card*: the README.md of a model, written from what was measured.
- `base_sizes` compares the bundled base with random weights: docs/bases.md.
"""
