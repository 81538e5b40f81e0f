"""Which requests reach Gradio, and in what shape: it serves more than the page needs, and takes more than is good."""
