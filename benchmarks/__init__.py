"""How fast tinynn is beside its peers: `python -m benchmarks`.

Every engine runs in a process of its own (worker.py, engines/). All start from the same weights and see the same batches; what
they learn in an epoch must agree before anything is timed (agreement.py). Then they take turns, round after round (rounds.py),
beside the floor: the bare matrix products and one pass over the optimizer's bytes (floor.py). Results can be kept as
JSON (schema.py), each row with its machine.
"""
