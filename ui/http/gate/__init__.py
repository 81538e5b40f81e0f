"""The gate in front of Gradio: which routes are open, and what a request may contain."""
