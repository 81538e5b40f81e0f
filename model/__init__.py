"""The model service: conversations in, events out. Knows nothing of Gradio."""
