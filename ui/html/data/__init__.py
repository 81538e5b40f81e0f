"""Answers as data: the schemas that the page offers, and the form in which one is chosen."""
