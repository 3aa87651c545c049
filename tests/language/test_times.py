"""Times as owners say them, on a Saturday morning: 2026-11-21 10:00."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pitstop.language.times import read_time, read_times, window

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 21, 10, 0, tzinfo=SHANGHAI)


def at(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(f"2{text}").replace(tzinfo=SHANGHAI)


POINTS = [
    # days
    ("今天", "026-11-21T00:00", "day"),
    ("明天", "026-11-22T00:00", "day"),
    ("明儿个能去吗", "026-11-22T00:00", "day"),
    ("后儿", "026-11-23T00:00", "day"),
    ("大后天", "026-11-24T00:00", "day"),
    ("听日得唔得", "026-11-22T00:00", "day"),
    ("周三", "026-11-25T00:00", "day"),
    ("周六", "026-11-28T00:00", "day"),
    ("星期天", "026-11-22T00:00", "day"),
    ("礼拜一行吗", "026-11-23T00:00", "day"),
    ("这周日", "026-11-22T00:00", "day"),
    ("下周二", "026-11-24T00:00", "day"),
    ("下周日", "026-11-29T00:00", "day"),
    ("下下周三", "026-12-02T00:00", "day"),
    ("下个星期五", "026-11-27T00:00", "day"),
    ("25号", "026-11-25T00:00", "day"),
    ("15号", "026-12-15T00:00", "day"),
    ("31号", "026-12-31T00:00", "day"),
    ("11月25日", "026-11-25T00:00", "day"),
    ("1月10号", "027-01-10T00:00", "day"),
    ("十二月二十五", "026-12-25T00:00", "day"),
    ("11/25", "026-11-25T00:00", "day"),
    ("3.15那天", "027-03-15T00:00", "day"),
    ("2026-12-01", "026-12-01T00:00", "day"),
    ("2026.12.1下午三点", "026-12-01T15:00", "hour"),
    ("１１月２５日", "026-11-25T00:00", "day"),
    ("下个月3号", "026-12-03T00:00", "day"),
    ("十二月第一个周六", "026-12-05T00:00", "day"),
    ("11月25日周三", "026-11-25T00:00", "day"),
    ("周三（11月25日）上午10点", "026-11-25T10:00", "hour"),
    ("三天后", "026-11-24T00:00", "day"),
    ("两周以后", "026-12-05T00:00", "day"),
    ("一个月后", "026-12-21T00:00", "day"),
    ("过两天", "026-11-23T00:00", "day"),
    ("下周", "026-11-23T00:00", "week"),
    ("下下个星期", "026-11-30T00:00", "week"),
    ("下个月", "026-12-01T00:00", "month"),
    ("明年三月份", "027-03-01T00:00", "month"),
    # clocks
    ("三点", "026-11-21T15:00", "hour"),
    ("三点半", "026-11-21T15:30", "minute"),
    ("点半到吧，十一点半", "026-11-21T11:30", "minute"),
    ("九点", "026-11-21T21:00", "hour"),
    ("15:30", "026-11-21T15:30", "minute"),
    ("下午三点一刻", "026-11-21T15:15", "minute"),
    ("下午3点45", "026-11-21T15:45", "minute"),
    ("上午9点", "026-11-22T09:00", "hour"),
    ("中午12点", "026-11-21T12:00", "hour"),
    ("中午一点", "026-11-21T13:00", "hour"),
    ("今晚八点", "026-11-21T20:00", "hour"),
    ("晚上十二点", "026-11-22T00:00", "hour"),
    ("今晚12点", "026-11-22T00:00", "hour"),
    ("明天凌晨两点", "026-11-22T02:00", "hour"),
    ("傍晚六点", "026-11-21T18:00", "hour"),
    ("明天三点", "026-11-22T15:00", "hour"),
    ("明天八点", "026-11-22T08:00", "hour"),
    ("明天上午十点半左右", "026-11-22T10:30", "minute"),
    ("差一刻三点", "026-11-21T14:45", "minute"),
    ("周五晚8点", "026-11-27T20:00", "hour"),
    ("后天14:00", "026-11-23T14:00", "hour"),
    ("0点", "026-11-22T00:00", "hour"),
    ("24点", "026-11-22T00:00", "hour"),
    ("明天下午一点", "026-11-22T13:00", "hour"),
    # from now
    ("现在", "026-11-21T10:00", "minute"),
    ("马上", "026-11-21T10:00", "minute"),
    ("半小时后", "026-11-21T10:30", "minute"),
    ("两个小时后", "026-11-21T12:00", "minute"),
    ("一个半小时以后", "026-11-21T11:30", "minute"),
    ("两小时20分钟后", "026-11-21T12:20", "minute"),
    ("六一儿童节", "027-06-01T00:00", "day"),
    ("一刻钟后到", "026-11-21T10:15", "minute"),
    # festivals
    ("春节", "027-02-06T00:00", "day"),
    ("除夕", "027-02-05T00:00", "day"),
    ("大年初三", "027-02-08T00:00", "day"),
    ("元旦", "027-01-01T00:00", "day"),
    ("清明节", "027-04-05T00:00", "day"),
    ("五一", "027-05-01T00:00", "day"),
    ("端午", "027-06-09T00:00", "day"),
    ("中秋节", "027-09-15T00:00", "day"),
    ("国庆", "027-10-01T00:00", "day"),
    ("十一去保养", "027-10-01T00:00", "day"),
    ("农历十二月初八", "027-01-15T00:00", "day"),
    # said apart, corrected, refused
    ("明天我想去做个保养，下午三点吧", "026-11-22T15:00", "hour"),
    ("下午三点可以吗，我说的是明天", "026-11-22T15:00", "hour"),
    ("周三，不对，周四", "026-11-26T00:00", "day"),
    ("周三下午三点，不对，周四", "026-11-26T15:00", "hour"),
    ("明天下午三点，不对，四点", "026-11-22T16:00", "hour"),
    ("把周三的改到周四上午十点", "026-11-26T10:00", "hour"),
    ("周三不行，周四可以", "026-11-26T00:00", "day"),
    ("不要周三，要周五", "026-11-27T00:00", "day"),
    ("昨天就坏了，明天上午能修吗", "026-11-22T08:00", "daypart"),
    ("早上好，我想下午三点去保养", "026-11-21T15:00", "hour"),
    ("一点都不想等了，明天下午两点", "026-11-22T14:00", "hour"),
    ("YS6跑了3000公里，后天下午四点半去做首保", "026-11-23T16:30", "minute"),
    ("周三三点", "026-11-25T15:00", "hour"),
    ("11 月 25 日 下午 3 点", "026-11-25T15:00", "hour"),
    ("今天刚坏的，明天能修吗", "026-11-22T00:00", "day"),
    ("现在跑了3万公里，后天下午能保养吗", "026-11-23T13:00", "daypart"),
    ("国庆第二天", "027-10-02T00:00", "day"),
    ("节后第一天", "027-01-04T00:00", "day"),
    # parts of the day
    ("明天下午", "026-11-22T13:00", "daypart"),
    ("周一早上", "026-11-23T08:00", "daypart"),
    ("今晚", "026-11-21T18:00", "daypart"),
    ("后天中午", "026-11-23T12:00", "daypart"),
    ("下周三傍晚", "026-11-25T18:00", "daypart"),
    ("上午", "026-11-21T08:00", "daypart"),
]


@pytest.mark.parametrize(("text", "start", "grain"), POINTS)
def test_a_point_is_the_next_one(text: str, start: str, grain: str) -> None:
    span = read_time(text, NOW)

    assert span is not None
    assert (span.start, span.end, span.grain, span.problem) == (at(start), None, grain, None)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("下午两点到四点", "026-11-21T14:00", "026-11-21T16:00"),
        ("明天下午两点到四点半", "026-11-22T14:00", "026-11-22T16:30"),
        ("两点到四点", "026-11-21T14:00", "026-11-21T16:00"),
        ("明天九点到十二点", "026-11-22T09:00", "026-11-22T12:00"),
        ("明天上午9点-下午3点", "026-11-22T09:00", "026-11-22T15:00"),
        ("明天14:00~16:00", "026-11-22T14:00", "026-11-22T16:00"),
        ("下午3到5点", "026-11-21T15:00", "026-11-21T17:00"),
        ("晚上十点到两点", "026-11-21T22:00", "026-11-22T02:00"),
        ("1月10日到12日", "027-01-10T00:00", "027-01-13T00:00"),
        ("10号到12号", "026-12-10T00:00", "026-12-13T00:00"),
        ("25-27号", "026-11-25T00:00", "026-11-28T00:00"),
        ("12月30号到1月2号", "026-12-30T00:00", "027-01-03T00:00"),
        ("下周一到周三", "026-11-23T00:00", "026-11-26T00:00"),
        ("周一至周五", "026-11-23T00:00", "026-11-28T00:00"),
        ("明天到后天", "026-11-22T00:00", "026-11-24T00:00"),
        ("明后天", "026-11-22T00:00", "026-11-24T00:00"),
        ("11/25-11/27", "026-11-25T00:00", "026-11-28T00:00"),
        ("周末", "026-11-21T00:00", "026-11-23T00:00"),
        ("下周末", "026-11-28T00:00", "026-11-30T00:00"),
        ("月底", "026-11-25T00:00", "026-12-01T00:00"),
        ("下个月初", "026-12-01T00:00", "026-12-11T00:00"),
        ("明天我有空，下午两点到四点", "026-11-22T14:00", "026-11-22T16:00"),
        ("下午三四点", "026-11-21T15:00", "026-11-21T16:00"),
        ("28号下午2点到5点之间", "026-11-28T14:00", "026-11-28T17:00"),
        ("今晚10点到次日早上6点", "026-11-21T22:00", "026-11-22T06:00"),
        ("25、26号", "026-11-25T00:00", "026-11-27T00:00"),
        ("2026.12.01-2026.12.05", "026-12-01T00:00", "026-12-06T00:00"),
        ("12.1-12.3", "026-12-01T00:00", "026-12-04T00:00"),
        ("元旦假期", "027-01-01T00:00", "027-01-04T00:00"),
        ("上午到下午", "026-11-21T08:00", "026-11-21T18:00"),
    ],
)
def test_a_range_ends_where_the_last_one_is_over(text: str, start: str, end: str) -> None:
    span = read_time(text, NOW)

    assert span is not None
    assert (span.start, span.end, span.open, span.problem) == (at(start), at(end), None, None)


@pytest.mark.parametrize(
    ("text", "side", "start", "end"),
    [
        ("下午三点以后", "after", "026-11-21T15:00", None),
        ("周三之后", "after", "026-11-25T00:00", None),
        ("国庆节后", "after", "027-10-08T00:00", None),
        ("明天下午五点之前", "before", None, "026-11-22T17:00"),
        ("周五前", "before", None, "026-11-27T00:00"),
        ("到周五为止", "before", None, "026-11-28T00:00"),
        ("最晚周五", "before", None, "026-11-28T00:00"),
        ("月底前", "before", None, "026-12-01T00:00"),
        ("三天内", "within", "026-11-21T10:00", "026-11-25T00:00"),
        ("两小时之内", "within", "026-11-21T10:00", "026-11-21T12:00"),
        ("这周内", "within", "026-11-21T10:00", "026-11-23T00:00"),
        ("一会儿", "after", "026-11-21T10:00", None),
    ],
)
def test_an_open_time_has_one_end(text: str, side: str, start: str | None, end: str | None) -> None:
    span = read_time(text, NOW)

    assert span is not None
    assert (span.open, span.start, span.end, span.problem) == (side, at(start), at(end), None)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("2月30号", "impossible"),
        ("11月31日", "impossible"),
        ("13月5号", "impossible"),
        ("32号", "impossible"),
        ("25点", "impossible"),
        ("明天25点", "impossible"),
        ("14:75", "impossible"),
        ("明天上午15点", "impossible"),
        ("11月25日周四", "impossible"),
        ("昨天", "past"),
        ("前天下午", "past"),
        ("上周三", "past"),
        ("这周二", "past"),
        ("今天早上八点", "past"),
        ("2025年3月1日", "past"),
        ("三天前", "past"),
        ("上个月", "past"),
    ],
)
def test_a_time_that_cannot_be_is_named(text: str, problem: str) -> None:
    span = read_time(text, NOW)

    assert span is not None
    assert span.problem == problem


NO_TIME = [
    "每天早上八点", "第二天上午", "油耗7.5", "纠结2.0还是2.5", "流量用了1/4", "体现在",
    "一点也不快", "一起去吧", "三包有效期内", "12V小电瓶", "一点都不好", "等一下", "有点慢",
    "3000公里", "12315", "第二个", "8年12万公里", "两次", "我要投诉", "早点处理", "快一点",
    "便宜一点", "差一点就撞了", "有两点建议", "第三点不同意", "3号桩坏了", "1号线", "95号汽油",
    "每周三都去", "一周一次", "两个小时", "三个月", "两天", "2.5折", "3.5公里", "早上好",
    "下午好", "晚上好", "电量还有百分之五十", "几点开门", "什么时候有空", "然后天窗漏水",
    "以后再说", "之前约过", "提前两天通知我", "十一个人", "六一路换电站", "中山路15号",
    "版本3.15", "五角场", "万达广场", "138-0013-8000", "YX20261121001", "三点五万公里",
    "今日头条", "一号店", "半价", "后备箱打不开", "前天窗", "周杰伦", "刚才", "晚点没关系",
    "7天无理由", "24小时服务吗", "75度电池", "100kWh", "YS6", "两点之间", "三点式安全带",
    "一两天", "3-5天", "五六次", "百分之二", "一点点", "上一次", "下一个", "这个月亮", "日行灯",
    "号码", "年检", "月租", "天窗", "时速", "二手车", "三电质保", "四轮定位", "双十", "几号",
    "哪天", "周几", "3:1", "多久", "一天到晚坏",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_TIME)
def test_what_is_no_time_stays_none(text: str) -> None:
    assert read_time(text, NOW) is None


def test_all_times_come_in_order_with_their_places() -> None:
    text = "周三上午或者周四下午三点都行"

    spans = read_times(text, NOW)

    assert [span.text for span in spans] == ["周三上午", "周四下午三点"]
    assert [text[slice(*span.span)] for span in spans] == [span.text for span in spans]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("明天下午", "026-11-22T13:00", "026-11-22T18:00"),
        ("明天", "026-11-22T00:00", "026-11-23T00:00"),
        ("下周", "026-11-23T00:00", "026-11-30T00:00"),
        ("下个月", "026-12-01T00:00", "027-01-01T00:00"),
        ("明天下午三点", "026-11-22T15:00", "026-11-22T15:00"),
        ("周末", "026-11-21T00:00", "026-11-23T00:00"),
        ("周五前", None, "026-11-27T00:00"),
        ("今晚凌晨", "026-11-22T00:00", "026-11-22T06:00"),
    ],
)
def test_a_time_leaves_a_window(text: str, start: str | None, end: str | None) -> None:
    span = read_time(text, NOW)

    assert span is not None
    assert window(span) == (at(start), at(end))


def test_the_zone_of_now_does_not_matter() -> None:
    utc = NOW.astimezone(timezone.utc)

    assert read_time("明天下午三点", utc) == read_time("明天下午三点", NOW)


def test_a_clock_that_has_passed_today_is_tomorrow() -> None:
    evening = NOW.replace(hour=17)

    span = read_time("下午三点", evening)

    assert span is not None
    assert span.start == evening.replace(day=22, hour=15)


def test_a_story_looks_back() -> None:
    span = read_time("周三下午三点换的电", NOW, prefer="past")

    assert span is not None
    assert (span.start, span.problem) == (at("026-11-18T15:00"), None)


WORDS = [
    "明天", "后天", "周三", "下周二", "周末", "月底", "25号", "2月30号", "11月25日", "下午",
    "凌晨", "晚上", "今晚", "三点", "三点半", "25点", "15:30", "十二点", "一点", "0点", "到",
    "至", "-", "以后", "之前", "内", "半小时后", "三天后", "999年后", "国庆", "春节", "节后",
    "农历", "正月", "初", "不对", "改到", "，", " ", "的", "不行", "999天内", "最晚", "每", "号",
    "日", "2026年", "9999年", "去年", "十", "1", "/", ".", "差", "一刻", "pm", "3", "现在",
    "星期八", "和", "之间", "廿", "最后一天", "夜", "早", "七八月", "腊月", "小年", "2/30", "00:00",
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.sampled_from(WORDS), max_size=9).map("".join),
    st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1)),  # noqa: DTZ001
)
def test_every_answer_is_well_formed(text: str, moment: datetime) -> None:
    now = moment.replace(tzinfo=SHANGHAI)
    spans = read_times(text, now)
    best = read_time(text, now)
    for span in [*spans, *([best] if best else [])]:
        start, end = span.span
        assert 0 <= start < end <= len(text)
        assert span.text == text[start:end]
        if span.problem is None:
            assert span.start is not None or span.end is not None
            if span.start and span.end:
                assert span.end > span.start or (span.open == "within" and span.end >= span.start)
            if span.end:
                assert span.end > now - timedelta(minutes=1)
            if span.grain in {"minute", "hour"} and span.start and not span.end:
                assert span.start >= now - timedelta(minutes=1)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_survived(text: str) -> None:
    read_times(text, NOW)
    read_time(text, NOW)
