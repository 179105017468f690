"""Stochastic gradient descent, with momentum (Polyak 1964) and Nesterov's look-ahead (Sutskever et al. 2013)."""

from __future__ import annotations

from tinynn._typing import Array


def step(params: Array, grads: Array, learning_rate: float) -> None:
    """p <- p - learning_rate g, over the whole flat vector, in place. params, grads (n_params,)"""
    params -= grads * learning_rate


def momentum_step(params: Array, grads: Array, velocity: Array, learning_rate: float, momentum: float) -> None:
    """v <- momentum v - learning_rate g;  p <- p + v.  velocity (n_params,), zeros at first.

    PyTorch keeps v without the learning rate in it; the two differ when the rate changes on the way.
    """
    velocity *= momentum
    velocity -= grads * learning_rate
    params += velocity


def nesterov_step(params: Array, grads: Array, velocity: Array, learning_rate: float, momentum: float) -> None:
    """v <- momentum v - learning_rate g;  p <- p + momentum v - learning_rate g: a step from where v is about to lead."""
    velocity *= momentum
    velocity -= grads * learning_rate
    params += velocity * momentum - grads * learning_rate
