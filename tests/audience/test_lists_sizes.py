"""The counts of members by part of the id space, which tell where a page begins."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from clarion.audience.lists import sizes

IDS = st.integers(sizes.LOWEST, sizes.HIGHEST)
PART_WIDTH = 1 << sizes.PART_BITS


def part_of(number: int) -> int:
    return (number >> sizes.PART_BITS) + sizes.PARTS // 2


def test_the_parts_are_the_whole_of_the_id_space() -> None:
    assert part_of(sizes.LOWEST) == 0
    assert part_of(sizes.HIGHEST) == sizes.PARTS - 1
    assert [part_of(sizes.LOWEST + PART_WIDTH - 1), part_of(sizes.LOWEST + PART_WIDTH)] == [0, 1]


@given(st.sets(st.one_of(IDS, st.integers(-3 * PART_WIDTH, 3 * PART_WIDTH)), max_size=60), st.integers(0, 70))
def test_the_place_of_every_offset_is_found(ids: set[int], offset: int) -> None:
    ordered = sorted(ids)
    counts, members = sizes.changed(sizes.EMPTY, Counter(part_of(number) for number in ids))
    assert members == len(ids)
    first, skip = sizes.locate(counts, offset)
    from_there = [number for number in ordered if number >= first]
    assert from_there[skip:] == ordered[offset:]


@given(st.lists(IDS, max_size=40), st.data())
def test_members_come_and_go(ids: list[int], data: st.DataObject) -> None:
    gone = data.draw(st.lists(st.sampled_from(ids), unique=True)) if ids else []
    counts, _ = sizes.changed(sizes.EMPTY, Counter(map(part_of, ids)))
    left = Counter(map(part_of, ids))
    left.subtract(map(part_of, gone))
    after, members = sizes.changed(counts, {part: -times for part, times in Counter(map(part_of, gone)).items()})
    assert (after, members) == sizes.changed(sizes.EMPTY, left)


@given(st.integers(0, 100 * sizes.MOST_AT_ONCE))
def test_ranges_hold_every_id_once(devices: int) -> None:
    ranges = sizes.id_ranges(devices)
    assert len(ranges) * sizes.MOST_AT_ONCE >= devices
    assert (ranges[0][0], ranges[-1][1]) == (sizes.LOWEST, sizes.HIGHEST)
    assert all(low <= high for low, high in ranges)
    assert [high + 1 for _, high in ranges[:-1]] == [low for low, _ in ranges[1:]]
