"""The decoder language model: loading it, its loss, its generation, and the LightningModule around it."""
