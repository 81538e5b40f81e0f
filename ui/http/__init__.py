"""What stands around Gradio's routes: what may be asked, who asks, headers, health and figures."""
