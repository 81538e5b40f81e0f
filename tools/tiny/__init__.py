"""How the bundled checkpoint is made: its world, its tokenizer, its training and its evaluation."""
