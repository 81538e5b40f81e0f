"""The command line of `python app.py`, and the process around the page."""
