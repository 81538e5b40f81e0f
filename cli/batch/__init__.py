"""`--batch`: one question about many files, without a page."""
