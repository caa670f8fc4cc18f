"""PEFT's rotation formulas in float64 numpy, written from the published formulas, not from PEFT's
code: the second opinion on the vectors, and the only source of what older releases computed."""

from __future__ import annotations

import numpy as np

EXACT, NEUMANN, NEUMANN_0_17 = "cayley", "cayley_neumann", "cayley_neumann_0.17"


def skew(q: np.ndarray, b: int) -> np.ndarray:
    """[rows, b(b-1)/2] -> [rows, b, b]: the upper triangle row by row, minus its transpose."""
    upper = np.zeros((len(q), b, b))
    upper[:, *np.triu_indices(b, 1)] = q
    return upper - upper.transpose(0, 2, 1)


def project(q: np.ndarray, eps: float) -> np.ndarray:
    """COFT: limits the Frobenius norm of each skew block to eps / sqrt(rows). PEFT computes this
    limit in float32, as eps times the reciprocal of the root, whatever the dtype of q."""
    limit = float(np.float32(eps) * (np.float32(1) / np.sqrt(np.float32(len(q)))))
    norm = np.sqrt(2) * np.linalg.norm(q, axis=1, keepdims=True)
    return np.where(norm <= limit, q, limit * q / np.maximum(norm, np.finfo(float).tiny))


def blocks(q: np.ndarray, b: int, formula: str, terms: int = 5) -> np.ndarray:
    """[rows, b(b-1)/2] -> R [rows, b, b], which multiplies inputs from the right.

    Exact: (I - Q)(I + Q)^-1. Neumann, PEFT >= 0.18: (I - Q^p) C(Q) with C(Q) = (I + Q)(I - Q)^-1
    and p = max(terms - 1, 3). Neumann, PEFT 0.16 and 0.17: C(Q) - 2 Q^terms (I - Q)^-1."""
    Q, eye = skew(np.asarray(q, float), b), np.eye(b)
    power = np.linalg.matrix_power
    if formula == EXACT:
        return (eye - Q) @ np.linalg.inv(eye + Q)
    if terms <= 1:
        return np.broadcast_to(eye, Q.shape)
    if terms == 2:
        return eye + 2 * Q
    series = np.linalg.inv(eye - Q)
    if formula == NEUMANN:
        return (eye - power(Q, max(terms - 1, 3))) @ (eye + Q) @ series
    return (eye + Q - 2 * power(Q, terms)) @ series


def rotate(x: np.ndarray, R: np.ndarray) -> np.ndarray:
    """x [..., d] times the block diagonal of R [rows, b, b]; one row serves every block."""
    b = R.shape[-1]
    parts = x.reshape(*x.shape[:-1], -1, b)
    every = np.broadcast_to(R, (parts.shape[-2], b, b))
    return np.einsum("...rk,rkc->...rc", parts, every).reshape(x.shape)


def merge_linear(W: np.ndarray, R: np.ndarray) -> np.ndarray:
    """W' = W R^T, the weight [out, d] whose product with x is that of W with the rotated x."""
    return rotate(W, R.transpose(0, 2, 1))
