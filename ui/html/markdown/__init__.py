"""An answer's Markdown becomes HTML that is safe to show."""
