"""The words around a name that tell a store or a station from a street, a person, a flat."""

from __future__ import annotations

import re
from dataclasses import dataclass

# What a place may be called after its own name, and which kind that tells.
STORE_WORDS = (
    "授权服务站|授权服务中心|授权[站店]|服务中心|售后服务中心|售后中心|售后|体验中心|体验店|交付中心|"
    "交付店|服务站|服务店|服务点|维修中心|维修站|维修店|专卖店|直营店|4[Ss]店|门店|展厅|店"
)
# 换店站, 还电站: thumbs choose the wrong sign of the right sound.
STATION_WORDS = (
    "(?:超级|[一二三四]代)?充?[换还环][电店点](?:的|那个)?(?:站点|[站占战栈])|[换还环]电的地方|换电点|"
    "电站|站点|站(?![着在起立])"
)
_LINK = (
    r"(?:的|[那这]一?[家个座]|[那这][边里儿块]|[那这]|附近|旁边|边上|对面|里面|里头|门口|楼下|一带|周边|"
    r"你们|咱们|咱家|新开)"
)
_SUFFIX = re.compile(
    rf"\s*(?:[区县镇](?=的|[那这]|{STORE_WORDS}|{STATION_WORDS}))?(?P<link>(?:{_LINK}\s*)*)"
    rf"(?:(?P<store>{STORE_WORDS})|(?:服务区的?(?=换))?(?P<station>{STATION_WORDS}))?"
)
# 望京SOHO旁边的换电站: a landmark's name goes on before it is said where.
_NEARBY = re.compile(
    r"(?:[A-Za-z\u4e00-\u9fff]{1,6}?(?<![没不有去和跟到哪换])(?:旁边?|附近|边上|对面|门口|楼下|里面?|隔壁|[那这][边儿里])|"
    r"航站楼|广场|商场|购物中心|停车场|地下?车?库|大厦|商圈|国际|老街|古镇|新城|公园|地铁站|[Ss][Oo][Hh][Oo])"
    rf"(?P<link>(?:{_LINK})*)(?:(?P<store>{STORE_WORDS})|(?P<station>{STATION_WORDS}))"
)
_AREA = re.compile(r"\s*(?:的|那个|那边)?[(（]?\s*(?P<area>[东南西北])[区侧边面]\s*[)）]?")
_BOTH_AREAS = re.compile(r"(?:和|还是|跟|或者?|[、/,])[东南西北][区侧边面]")
_SAID_AREA = re.compile(r"([东南西北])[区侧]")
# Part of a name counts where the sentence is about going there.
_GOING = re.compile(r"(?:去|到|在|来|约|回|选|离|往|上|就|是|换成|改成|改到|换到)(?:一下)?$")

_FROM = re.compile(r"(?:从|把|将|由)$")
_MOVED = re.compile(r"的?[那这]?[家个]?(?:改|换|挪|转|调|移)")
_TIME = (
    r"(?:[上下]午|[今明]早|[今明后]天|[今明]晚|周[一二三四五六日末]|礼拜.|星期.|"
    r"[\d一二两三四五六七八九十]点(?:半|钟|\d{2}分?)?)"
)
_WHEN = re.compile(_TIME)
_JUST_WHEN = re.compile(rf"{_TIME}[,\s]*$")

_ENDS = re.compile(r"[了吧呢啊哈]?(?:[,。!?~;]|$)")
_POINTED = re.compile(r"[那这]一?[家个座]")
_OWN_STORE = re.compile(r"的?[那这]一?家")
_SWAPPED = re.compile(r"\s*(?:[换还][电店]|换[块个一])")
_SWAP_TALK = re.compile(r"[换还][电店](?!话)|换个?电池|换块?电池|换[一块个]|满电|补能|电池")
_STORE_TALK = re.compile(
    r"保养|维修|试驾|试乘|提车|交付|检修|检查|检测|钣金|喷漆|补漆|售后|服务中心|门店|补胎|轮胎|首保|"
    r"工位|技师|送修|取车|修"
)
_DESK_TALK = re.compile(
    r"排队|等多|等几|约|预订|空位|几点|营业|开门|关门|[开关]着|24小时|人[多少]|忙不忙|怎么走|导航|地址|电话|"
    r"取消|不要了|改|换|充|电|[店站](?!起)|留|位|停用|能用|满了|洗车|态度|师傅|顾问|前台|最近的|哪|看看|看车|"
    r"现车|展车|试|投诉|设备|机器|坏了|故障"
)
_WINDOW = 16
_SHORT = 3
"""How many signs beside a name leave no doubt that the name is meant."""

# 住三里屯附近, 从苏州园区出来: where somebody lives or comes from.
_LIVES = re.compile(
    r"(?:住在?|家[住在]+|公司在?|单位在?|上班在?|老家在?|户口在?|地铁|高铁|火车|[\d一二三四五六七八九十]号线|"
    r"从小在|出生在?|工作在?|(?:家住|住址|地址|寄|收货)[^,。;]{0,10})$"
)
_LEFT = re.compile(r"从$")
_LEAVES = re.compile(r"[\u4e00-\u9fff]{0,3}?(?:出发|过来|出来|下来|回来|走|开过|往)")
_OTHER_THING = re.compile(
    r"(?:[那这]边|附近|里面?|旁边|那[个家])?的?(?:[东南西北中一二三四五]?[路街村镇弄区县](?!口)|大[道街厦楼]|"
    r"医院|公园|机场|[小中大]学|学校|校区|幼儿园|派出所|法院|小区|花园|新村|家园|公寓|酒店|宾馆|饭店|火车|"
    r"高铁|地铁|公交|体育|图书|银行|商[场圈]|分局|交警|金融|科技|集团|公司|有限|教堂|[寺庙]|影院|餐厅|咖啡|"
    r"健身|书店|博物馆|[市菜]场|超市|酒吧|老街|古镇|隧道|大桥|高架|匝道|出口(?!换)|口岸|收费|同事|朋友|邻居|"
    r"亲戚|老板|客户|房子|人(?![多少很挺满太])|[上下]班|工作|住|租房|买房|看房|开会|接[了个人孩]|送[人孩]|吃|"
    r"逛|玩|喝|看电影|遛|散步|等人|等我|抛锚|趴窝|熄火|追尾|[被撞]|出事|堵|动不了)"
)
_RAIL = re.compile(r"接[人站我]|送[人站]|高铁|火车|地铁|坐车|换乘|下车|出站|候车|车票")
# Someone else's stations stand on the same streets.
_OTHER_BRAND = re.compile(
    r"(?:蔚来|[Nn][Ii][Oo]|乐道|奥动|易易|吉利|极氪|特斯拉|小鹏|理想|比亚迪|宁德|特来电|星星|小桔|国网|壳牌|"
    r"中石[化油]|睿蓝|小米|问界|鸿蒙|别家|人家)(?:家|汽车|充电)?(?:的|在|那个)?\s*$"
)
# 吴江万达广场 is none of ours, 去万达广场 is: what may stand before a name that many towns have.
_BEGINS = re.compile(
    r"(?:^|[去到在来约回选离往从的了下把和跟或是就要想那这个家我你他她您们请问帮查看说诉过给用换改成走开站店天号点半"
    r"午晚早日分钟后前边侧近靠经于叫订先能有没嘛吗呢吧啊市一间省里楼:,。;!?、\"'()-]|[\s\dA-Za-z]|"
    r"附近|路过|预约|周[一二三四五六])$"
)


def in_front(text: str, start: int) -> str:
    """Return what stands in front of `start`, no longer than a word needs: floods cost time."""
    return text[max(0, start - _WINDOW) : start]


def stands_for_itself(scene: Scene, start: int, end: int) -> bool:
    """Tell whether a name without 店 or 站 behind it means the place, not a street or a home."""
    before, behind = in_front(scene.text, start), scene.text[end : end + _WINDOW]
    if _LIVES.search(before) or _OTHER_THING.match(behind):
        return False
    if _LEFT.search(before) and _LEAVES.match(behind):
        return False
    if _OWN_STORE.match(behind):
        return True
    going = is_going(scene.text, start, end)
    if going and (_ENDS.match(behind) or _WHEN.search(scene.text)):
        return True
    if _JUST_WHEN.search(before):
        return True  # 去九亭补个胎，明早九点: as good as an appointment
    return scene.service or len(scene.text) - (end - start) <= _SHORT


def is_going(text: str, start: int, end: int) -> bool:
    """Tell whether somebody goes to what is named there, or moves an appointment from it."""
    before = in_front(text, start)
    moved = _FROM.search(before) and _MOVED.match(text, end)
    return bool(moved or _GOING.search(before))


def only_area(text: str) -> str:
    """Return the side of a motorway that `text` names, if it is one alone."""
    found = set(_SAID_AREA.findall(text))
    return found.pop() if len(found) == 1 else ""


def is_on_side(text: str, side: str) -> bool:
    """Tell whether `text` says the direction (上海方向) of a station's side of the road."""
    towards = side[-4:].removesuffix("方向")
    return bool(re.search(rf"{re.escape(towards)}的?(?:方向|[那一]侧|[那这]边)", text))


def is_railway(text: str) -> bool:
    """Tell whether a message is about trains, in which 虹桥站 is a railway station."""
    return bool(_RAIL.search(text))


def belongs_to_others(before: str) -> bool:
    """Tell whether another brand is named in front of a place."""
    return bool(_OTHER_BRAND.search(before))


def begins_here(before: str) -> bool:
    """Tell whether a name that many towns have is not the tail of a longer one."""
    return bool(_BEGINS.search(before))


@dataclass(frozen=True)
class Scene:
    """A message, and what it is about."""

    text: str
    swap: bool
    store: bool
    service: bool

    @classmethod
    def of(cls, text: str) -> Scene:
        """Read what `text`, normalised, is about."""
        swap, store = bool(_SWAP_TALK.search(text)), bool(_STORE_TALK.search(text))
        return cls(text, swap, store, swap or store or bool(_DESK_TALK.search(text)))


@dataclass(frozen=True)
class Behind:
    """What stands behind a name, and where that ends.

    `store` or `station` is the word for the kind of place, `area` the one side
    of a motorway where a side is said (`sided`), `pointed` 那家 or the like;
    `swap` and `repair` tell what is wanted right there.
    """

    store: str
    station: str
    area: str
    sided: bool
    pointed: str
    swap: bool
    repair: bool
    end: int

    @property
    def kind(self) -> str:
        """The word for the kind of place, if there is one."""
        return self.store or self.station

    @classmethod
    def at(cls, text: str, end: int) -> Behind:
        """Read what stands in `text`, normalised, behind a name that ends at `end`."""
        suffix = _SUFFIX.match(text, end)
        last = suffix.end() if suffix and _kind(suffix) else end
        area = _AREA.match(text, last)
        if area and last == end:
            suffix = _SUFFIX.match(text, area.end())
        elif last == end:
            suffix = _NEARBY.match(text, end) or suffix
        if suffix and _kind(suffix):
            last = max(last, suffix.end())
        pointed = _POINTED.search(suffix["link"]) if suffix else None
        return cls(
            store=(suffix["store"] or "") if suffix else "",
            station=(suffix["station"] or "") if suffix else "",
            area=area["area"] if area and not _BOTH_AREAS.match(text, area.end()) else "",
            sided=bool(area),
            pointed=pointed[0] if pointed else "",
            end=max(last, area.end() if area else end),
            swap=bool(_SWAPPED.match(text, end)),
            repair=bool(_STORE_TALK.match(text, end)),
        )


def _kind(suffix: re.Match[str]) -> str:
    return suffix["store"] or suffix["station"] or ""
