"""The mathematics: one file per idea, with its derivation, its forward and backward pass, and the compiled twin.

Functions only, on plain arrays. Outputs come last and are overwritten, never added to. `d_x` is dL/dx and has x's shape;
`d_out` is dL/d(output), whatever came down from the loss. Callers have checked shapes and types.
"""
