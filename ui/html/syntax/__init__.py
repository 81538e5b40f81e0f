"""What answers are written in: Markdown with formulas, tables and grounding tokens, also while half of it is there."""
