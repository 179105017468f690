"""How models run: `tape` (the chain rule; read this first), `reference` (the training loop in NumPy)."""
