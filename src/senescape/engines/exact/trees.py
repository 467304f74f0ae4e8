"""Two trees over numbered items: sums to choose by weight, and which item comes first.

A tree is a vector: node i has the children 2 i and 2 i + 1, item k stands at leaf ``leaves + k``,
the root at 1. Changing one item costs as many operations as the tree has levels, and what a node
holds follows from its children alone: the same items give the same bytes whatever came before.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float = NDArray[np.float64]
Places = NDArray[np.int64]


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def leaves_for(items: int) -> int:
    """Return the number of leaves of a tree: the next power of two."""
    leaves = 1
    while leaves < items:
        leaves *= 2
    return leaves


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True, _nrt=False)
def set_weight(sums: Float, leaves: int, item: int, weight: float) -> None:
    """Give an item a weight; ``sums``: (2 * leaves,)."""
    node = leaves + item
    sums[node] = weight
    node >>= 1
    while node > 0:
        sums[node] = sums[2 * node] + sums[2 * node + 1]
        node >>= 1


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def sum_all(sums: Float, leaves: int) -> None:
    """Compute every node from the leaves."""
    for node in range(leaves - 1, 0, -1):
        sums[node] = sums[2 * node] + sums[2 * node + 1]


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True, _nrt=False)
def find_weight(sums: Float, leaves: int, place: float) -> tuple[int, float]:
    """Return the item in whose part of the sum ``place`` falls, and how far inside it.

    An item of weight 0 is never returned while another has any.
    """
    node = 1
    while node < leaves:
        node *= 2
        if place >= sums[node] and sums[node + 1] > 0.0:
            place -= sums[node]
            node += 1
    return node - leaves, place


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True, _nrt=False)
def set_first(first: Places, leaves: int, when: Float, item: int) -> None:
    """Bring the tree of first items up to date after ``when[item]`` has changed.

    Parameters
    ----------
    first : (2 * leaves,)
        Each node holds the item of its part that comes first; of equal ones the lowest number.
    when : (leaves,)
        Infinity where there is no item.
    """
    node = (leaves + item) >> 1
    while node > 0:
        left, right = first[2 * node], first[2 * node + 1]
        first[node] = right if when[right] < when[left] else left
        node >>= 1


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def first_of_all(first: Places, leaves: int, when: Float) -> None:
    """Compute every node from ``when``."""
    for item in range(leaves):
        first[leaves + item] = item
    for node in range(leaves - 1, 0, -1):
        left, right = first[2 * node], first[2 * node + 1]
        first[node] = right if when[right] < when[left] else left
