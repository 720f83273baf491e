"""Side-by-side measurements with what people use today: `make bench` writes docs/speed.md."""
