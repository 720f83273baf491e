"""What runs in other processes: notations that can be killed, OPSIN, and how many cores there are."""
