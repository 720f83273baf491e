"""The loss of an optimizer step, and what surrounds the step."""
