"""The process manager of payments: what next, do it, write down what came of it; again from anywhere after a crash."""
