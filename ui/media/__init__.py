"""Uploaded files: who may read them, how much disk they take, and the copies that browsers show."""
