"""What is attached to a message: its items, how closely the model looks at each, and the places marked in them."""
