"""The tests, one module for each module that they hold; `e2e/` in a real browser."""
