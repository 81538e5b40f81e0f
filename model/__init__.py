"""The model service: conversations in, events out. Knows nothing of Gradio."""

VERSION = "0.1.0"
