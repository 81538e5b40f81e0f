"""What happens to the logits before a token is chosen."""
