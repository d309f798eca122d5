from datetime import date

from channel_sync.channels.ranges import equal_ranges, nights


def test_nights_include_both_ends() -> None:
    assert list(nights(date(2027, 2, 27), date(2027, 3, 1))) == [date(2027, 2, 27), date(2027, 2, 28), date(2027, 3, 1)]


def test_no_night_when_the_last_is_before_the_first() -> None:
    assert list(nights(date(2027, 3, 2), date(2027, 3, 1))) == []


def test_equal_neighbours_become_one_range() -> None:
    values = [(date(2027, 1, 30), 4), (date(2027, 1, 31), 4), (date(2027, 2, 1), 4), (date(2027, 2, 2), 3)]

    assert list(equal_ranges(values)) == [
        (date(2027, 1, 30), date(2027, 2, 1), 4),
        (date(2027, 2, 2), date(2027, 2, 2), 3),
    ]


def test_a_gap_ends_a_range() -> None:
    values = [(date(2027, 1, 1), 4), (date(2027, 1, 3), 4)]

    assert len(list(equal_ranges(values))) == 2
