"""Middleware and routes around Gradio's own: access, who asks, headers, health and metrics."""
