"""What the server remembers: tabs, runs, rates, and what is left to clear away."""
