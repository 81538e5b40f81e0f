"""Prefill, decoding and vision features of a checkpoint in this process."""
