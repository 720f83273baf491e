"""What is measured, written and shown while a model trains: one metric or one concern a file."""
