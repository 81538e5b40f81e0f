"""What `python app.py` does around the page."""
