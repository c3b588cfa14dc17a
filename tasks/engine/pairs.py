"""Pairs of rows that are nearly equal: cosine at least a threshold.

Rows look for near ones of lower index in their own bucket and in those of their next nearest
centres. Proposals above the threshold less the error of the products are decided by the exact
cosine. The recall is measured: a sample of rows looks into all buckets.
"""

from dataclasses import dataclass, replace
from typing import Final
from zlib import crc32

import numpy as np
from jaxtyping import Float, Int

from schemas.errors import SettingsError
from tasks.engine.buckets import learn_centres, nearest_centres
from tasks.engine.distinct import Distinct, distinct
from tasks.engine.probing import Probing, probing_of
from tasks.engine.products import fastest_format
from tasks.engine.tiles import map_row_blocks

FLAT_ROWS: Final = 20_000  # up to here all pairs are compared
SAMPLE: Final = 1024  # rows compared with all others to measure the recall
BLOCK: Final = 8192
FEWEST_PROBES: Final = 3
MOST_PROBES: Final = 12
ROOM: Final = 2  # times what is kept: links pile up before they are sifted


@dataclass(frozen=True)
class Pairs:
    """Pairs `rows[p] = (left, right)`, left < right, ascending, with their exact `cosine`.

    `complete` is False where a row had more near rows before it than were kept. `recall` is the
    share of the sampled rows' pairs with earlier rows that were found, of `sampled` such pairs
    (1 where all pairs were compared or no sampled row had any).
    """

    rows: Int[np.ndarray, "p 2"]
    cosine: Float[np.ndarray, " p"]
    complete: bool
    recall: float
    sampled: int


def similar_pairs(
    vectors: Float[np.ndarray, "n d"],
    threshold: float,
    seed: int = 0,
    recall: float = 0.99,
    keep: int = 64,
) -> Pairs:
    """Pairs of unit rows of cosine >= `threshold`, in (0, 1]; a row with its `keep` earliest.

    All pairs up to FLAT_ROWS distinct rows. Beyond, those whose earlier row lies in one of the
    later row's nearest buckets: as many as hold the `recall` of a sample's pairs, from
    FEWEST_PROBES to MOST_PROBES. A family of m nearly equal rows has m^2 / 2 pairs: each row is
    returned with its `keep` earliest near rows at most. Equal rows are searched once. Same result
    on any number of threads. Memory: one byte per number, 8 keep bytes per row searched at a time.
    """
    if not 0 < threshold <= 1:
        raise SettingsError(f"threshold must lie in (0, 1]; got {threshold}")
    groups = distinct(vectors)
    form = fastest_format()
    flat = len(groups) <= FLAT_ROWS
    count = 1 if flat else int(len(groups) ** 0.5)
    centres = learn_centres(vectors, count, seed, groups.first, form)
    near = nearest_centres(vectors, centres, MOST_PROBES, groups.first, form)
    probing = probing_of(vectors, groups.first, near, centres, earlier=True)
    search = _Search(vectors, probing, np.float32(threshold), keep)
    true = None if flat else search.of_sample(seed)
    if true:
        probes = _probes_for(recall, near, true)
        search = replace(search, probing=replace(probing, near=near[:, :probes]))
    links = search.all_links()
    every = links if len(groups) == len(vectors) else _of_equals(vectors, groups, links, keep)
    order = np.lexsort((every.later, every.earlier))
    rows = np.stack([every.earlier[order], every.later[order]], axis=1)
    found = _share_found(links, true) if true else 1.0
    return Pairs(rows, every.cosine[order], not every.cut, found, len(true.later) if true else 0)


def _probes_for(recall: float, near: Int[np.ndarray, "n c"], true: "_Links") -> int:
    """How many buckets of the later rows hold this share of the earlier ones."""
    holds = near[true.later] == near[true.earlier, :1]
    share = np.maximum.accumulate(holds, axis=1).mean(axis=0) if len(holds) else np.ones(1)
    return int(np.clip(np.searchsorted(share, recall) + 1, FEWEST_PROBES, MOST_PROBES))


def _share_found(links: "_Links", true: "_Links") -> float:
    ours = np.isin(links.later, true.later)
    span = np.int64(2**32)
    found = np.isin(
        true.later * span + true.earlier, links.later[ours] * span + links.earlier[ours]
    )
    return float(found.mean()) if len(found) else 1.0


@dataclass(frozen=True)
class _Links:
    """Pairs of places in order of the later one, the earlier ones ascending."""

    later: Int[np.ndarray, " p"]
    earlier: Int[np.ndarray, " p"]
    cosine: Float[np.ndarray, " p"]
    cut: bool  # whether some row had more than were kept


@dataclass(frozen=True)
class _Search:
    vectors: Float[np.ndarray, "n d"]
    probing: Probing
    threshold: np.float32
    keep: int

    def all_links(self) -> _Links:
        """Links of every place."""

        def search(chunk: slice) -> _Links:
            found = _Earliest(self, chunk.stop - chunk.start)

            def visit(codes: np.ndarray, width: int, lines: np.ndarray, first: int) -> None:
                found.offer(codes, width, lines, lines + chunk.start, first)

            self.probing.tiles(chunk, visit)
            return found.links(self.probing.buckets.order[chunk])

        n = len(self.probing)
        return _joined(list(map_row_blocks(n, search, self.probing.chunk_rows)))

    def of_sample(self, seed: int) -> _Links:
        """Links of some places with all others, whatever their buckets."""
        n = len(self.probing)
        random = np.random.default_rng(np.random.SeedSequence([seed, crc32(b"pairs")]))
        positions = np.sort(random.choice(n, min(n, SAMPLE), replace=False))

        def search(part: slice) -> _Links:
            some = positions[part]
            found = _Earliest(self, len(some))

            def visit(codes: np.ndarray, width: int, lines: np.ndarray, first: int) -> None:
                found.offer(codes, width, np.searchsorted(some, lines), lines, first)

            self.probing.everywhere(some, visit)
            return found.links(self.probing.buckets.order[some])

        return _joined(list(map_row_blocks(len(positions), search)))


class _Earliest:
    """Per row of a block its earliest near rows, while tiles pass by."""

    def __init__(self, search: _Search, rows: int) -> None:
        self._search = search
        self._keys = np.empty((rows, ROOM * search.keep), dtype=np.int64)
        self._held = np.zeros(rows, dtype=np.int64)
        self._latest = np.full(rows, np.iinfo(np.int32).max, dtype=np.int64)
        self._least = int(search.probing.products.at_least(np.array(search.threshold)))

    def offer(
        self, codes: np.ndarray, width: int, lines: np.ndarray, positions: np.ndarray, first: int
    ) -> None:
        """Codes of the rows at `positions`, kept at `lines`, with those from `first` on."""
        from tasks.engine.kernels.links import keep_earliest

        search, order = self._search, self._search.probing.buckets.order
        keep_earliest(
            codes, lines, order[positions], order[first : first + width], search.probing.numbers,
            search.vectors, self._least, search.threshold, search.keep,
            self._keys, self._held, self._latest,
        )  # fmt: skip

    def links(self, places: Int[np.ndarray, " rows"]) -> _Links:
        """The links of the block's rows, which have these places."""
        from tasks.engine.kernels.links import links_of

        keep = self._search.keep
        cut = bool((self._held > keep).any() or (self._latest < np.iinfo(np.int32).max).any())
        earlier = np.empty((len(places), keep), dtype=np.int32)
        cosine = np.empty((len(places), keep), dtype=np.float32)
        links_of(self._keys, self._held, keep, earlier, cosine)
        line, slot = np.nonzero(earlier >= 0)
        return _Links(places[line], earlier[line, slot], cosine[line, slot], cut)


def _joined(parts: list[_Links]) -> _Links:
    later = np.concatenate([part.later for part in parts])
    order = np.argsort(later, kind="stable")
    return _Links(
        later[order],
        np.concatenate([part.earlier for part in parts])[order],
        np.concatenate([part.cosine for part in parts])[order],
        any(part.cut for part in parts),
    )


def _of_equals(vectors: np.ndarray, groups: Distinct, links: _Links, keep: int) -> _Links:
    """Links of all rows, from those between distinct ones."""
    from tasks.engine.kernels.links import links_of_equals

    u = len(groups)
    members = np.argsort(groups.group, kind="stable").astype(np.int32)
    starts = np.concatenate([[0], np.cumsum(np.bincount(groups.group, minlength=u))])
    one = np.concatenate([links.later, links.earlier])
    order = np.argsort(one, kind="stable")
    bounds = np.concatenate([[0], np.cumsum(np.bincount(one, minlength=u))])
    other = np.concatenate([links.earlier, links.later])[order]
    value = np.concatenate([links.cosine, links.cosine])[order]
    near = (bounds, other, value)

    def spread(rows: slice) -> tuple[np.ndarray, ...]:
        return links_of_equals(
            vectors, groups.group, starts, members, near, keep, rows.start, rows.stop
        )

    parts = list(map_row_blocks(len(vectors), spread, BLOCK))
    return _Links(
        np.concatenate([part[0] for part in parts]),
        np.concatenate([part[1] for part in parts]),
        np.concatenate([part[2] for part in parts]),
        links.cut or any(part[3] for part in parts),
    )
