"""Commands that people run: training, evaluation, benchmarks. Nobody imports them."""
