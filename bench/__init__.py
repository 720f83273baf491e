"""Speed comparisons (`speed`), studies (`studies`), and the making of the shipped models (`release`)."""
