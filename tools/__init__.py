"""Commands that people run: training, evaluation and benchmarks. No other package imports them."""
