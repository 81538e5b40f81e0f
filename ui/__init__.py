"""The page in front of the model service. Knows nothing of torch or transformers."""
