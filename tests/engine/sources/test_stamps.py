"""Time stamps and the count of lost frames, without any video."""

from fractions import Fraction

from animecam.sources.losses import Losses
from animecam.sources.stamps import ShownAt, Stamps

MS = Fraction(1, 1000)


def stamps(pts, *, dts=None, rate=25, starts_at_zero=False, **more):
    source = Stamps(MS, Fraction(rate), starts_at_zero=starts_at_zero, **more)
    return [source.stamp(stamp, None if dts is None else dts[i]) for i, stamp in enumerate(pts)]


def test_sound_times_stay_as_they_are():
    assert stamps([1400, 1440, 1441, 9000]) == [1400, 1440, 1441, 9000]


def shown(pts, dts, *, has_times=True, key_dts=0):
    times = ShownAt(has_times=has_times)
    times.sent(key_dts, is_key=True)
    return [times.time(*both) for both in zip(pts, dts, strict=True)]


def test_presentation_times_are_taken_where_they_are_good():
    assert shown([0, 40, 80], [-80, -40, 0]) == [0, 40, 80]
    assert shown([5000, 5040, 0, 40], [4960, 5000, -40, 0]) == [5000, 5040, 0, 40], "joined files: both jump"
    assert shown([0, 40, 80], [None, None, None]) == [0, 40, 80]


def test_decoding_times_are_taken_where_presentation_times_are_missing_or_go_back():
    assert shown([0, None, 80], [0, 40, 80]) == [0, 40, 80]
    assert shown([0, 120, 80, 160], [0, 40, 80, 120]) == [0, 120, 80, 120]


def test_a_format_without_presentation_times_begins_with_its_first_picture():
    assert shown([1, 4, 3, 5, 2], [2, 3, 4, 5, None], has_times=False) == [0, 1, 2, 3, None]
    assert shown([0, 2], [0, 2], has_times=False) == [0, 2], "a gap stays"
    assert shown([41, 43], [42, 43], has_times=False, key_dts=40) == [40, 41], "what cannot be decoded stays a gap"
    assert shown([300, 301], [300, 301], has_times=False) == [300, 301], "damage, not the wait for other pictures"


def test_a_missing_time_is_the_decoding_time_or_a_frame_later():
    assert stamps([0, None, 80], dts=[0, 40, 80]) == [0, 40, 80]
    assert stamps([0, None, None, 120]) == [0, 40, 80, 120]


def test_a_stream_without_any_time_runs_at_its_rate():
    assert stamps([None, None, None]) == [0, 40, 80]


def test_a_repeated_or_late_time_is_a_tick_later_and_shifts_nothing():
    assert stamps([0, 40, 40, 30, 120]) == [0, 40, 41, 42, 120]


def test_a_new_count_goes_on_where_the_old_one_ended():
    assert stamps([5000, 5040, 0, 40, 80]) == [5000, 5040, 5080, 5120, 5160]


def test_a_device_counts_from_its_first_frame():
    assert stamps([7_000_000, 7_000_033, 7_000_066], starts_at_zero=True) == [0, 33, 66]


def test_a_clock_that_began_earlier_counts_from_there():
    assert stamps([36_000_020, 36_000_060, 0, 40], start_s=Fraction(36_000)) == [20, 60, 100, 140]
    assert stamps([None, None], start_s=Fraction(36_000)) == [0, 40]
    assert stamps([36_000_020, 36_000_060], start_s=Fraction(36_000), starts_at_zero=True) == [0, 40]


def test_the_offset_tells_of_each_new_count():
    source = Stamps(MS, Fraction(25), starts_at_zero=False, start_s=Fraction(1))
    offsets_s = []
    for pts in (1000, 1040, 1040, 5000, 0, 40):
        source.stamp(pts, None)
        offsets_s.append(source.offset_s)
    assert offsets_s == [-1, -1, -1, -1, Fraction(4040, 1000), Fraction(4040, 1000)]


def test_a_clock_that_goes_far_ahead_goes_on_where_it_may():
    joined = [5000, 5040, 3_605_080, 3_605_120, 40, 80]
    assert stamps(joined[:4]) == joined[:4], "in most files a gap is one"
    assert stamps(joined, may_leap=True) == [5000, 5040, 5080, 5120, 5160, 5200]
    assert stamps(joined, may_leap=True, starts_at_zero=True) == [0, 40, 80, 120, 160, 200]
    assert stamps([0, 40, 9040], may_leap=True) == [0, 40, 9040], "a lost signal"
    assert stamps([0, 60_000, 120_000], rate=Fraction(1, 60), may_leap=True) == [0, 60_000, 120_000], "a time lapse"


def test_a_live_source_that_was_silent_is_as_late_as_it_is():
    source = Stamps(MS, Fraction(25), starts_at_zero=True, may_leap=True)
    given = [source.stamp(pts, None, waited_s) for pts, waited_s in ((0, Fraction(0)), (60_000, Fraction(59)))]
    assert given == [0, 60_000]


def test_what_was_left_out_is_told():
    source = Stamps(MS, Fraction(25), starts_at_zero=False, start_s=Fraction(1), may_leap=True)
    left_out_s = []
    for pts in (1000, 1040, 61_080, 0):
        source.stamp(pts, None)
        left_out_s.append(source.leapt_s)
    assert left_out_s == [0, 0, 60, 0]


def feed(losses, *sent):
    for pts in sent:
        losses.sent(pts)


def test_packets_without_a_picture_are_no_loss_while_the_decoder_is_content():
    losses = Losses()
    feed(losses, 0, 1, 2, 3)
    losses.shown(0)
    losses.shown(3)
    losses.ended()
    assert losses.count == 0


def test_one_damaged_packet_may_cost_several_frames():
    losses = Losses()
    feed(losses, 0, 1)
    losses.failed()
    feed(losses, 2, 3, 4, 5)
    losses.shown(0)
    losses.shown(4)
    assert losses.count == 3
    losses.ended()  # 5 never came out
    assert losses.count == 4


def test_a_frame_that_comes_late_is_not_lost():
    losses = Losses()
    feed(losses, 0, 1, 2)
    losses.failed()
    losses.shown(2)
    losses.shown(1)
    assert losses.count == 1


def test_packets_without_a_time_count_by_complaint():
    losses = Losses()
    losses.sent(None)
    losses.failed()
    losses.sent(None)
    losses.failed()
    losses.ended()
    assert losses.count == 2
