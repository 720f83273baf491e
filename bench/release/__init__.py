"""Making the models that ship, their tokenizer and their cards."""
