"""Builds prompts: sizes, visual items, the chat template, token ids. No torch."""
