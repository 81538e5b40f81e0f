"""Which checkpoint runs where, whether its files are whole, and how it is loaded."""
