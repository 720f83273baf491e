"""Classes, numbers, reactions and questions against their baselines: docs/results/kinds.md.

- *cell*: a fit and a test, for one or several seeds.
"""
