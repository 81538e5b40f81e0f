"""What the model is asked: sizes, visual items, the chat template, token ids. No torch."""
