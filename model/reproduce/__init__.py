"""Answers again without this project: records, scripts, archives and Verify."""
