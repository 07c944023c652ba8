"""Requests: what people type who have one thing in mind, in English or in Chinese, and which thing it is.

Somebody says what kind of thing it is and, in any order, what else they remember of it (colour, material or theme,
maker, brand, size, year), until no more than `FEW` things of the catalogue are meant. Titles are not repeated.
Paraphrased, about half of the kinds, colours, materials and themes are told in words that the catalogue does not use
for them, one at least: `dark blue` for Navy, 抱枕 for 靠垫.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from serendip.world.items import Item
from serendip.world.styles import Word, table

FEW = 3
"""Things that a request may mean; it means one of them."""
Language = Literal["en", "zh"]


class Request(NamedTuple):
    """What is typed, and the place of the thing meant in the catalogue."""

    text: str
    row: int


class _Remembered(NamedTuple):
    """Something about a thing, in both languages and perhaps in other words; equal words, equal facts."""

    facet: str
    said: Word
    otherwise: Word | None = None


_OPENINGS = {
    "en": ("{kind}", "I am looking for a {kind}", "do you have any {kind}", "we need a {kind}", "show me a {kind}"),
    "zh": ("{kind}", "我想找{kind}", "有没有{kind}", "想买一件{kind}", "给我看看{kind}"),
}
_CLAUSES = {
    "colour": (("in {}", "something {}", "the {} one"), ("{}的", "颜色是{}")),
    "material": (("made of {}", "{} if possible"), ("{}做的", "材质是{}")),
    "theme": (("about {}", "that deals with {}"), ("关于{}的", "讲{}的")),
    "maker": (("by {}", "{} made it"), ("{}的作品", "是{}做的")),
    "brand": (("from {}", "the brand is {}"), ("{}这个牌子", "{}出的")),
    "size": (("size {}", "{}"), ("尺寸{}", "{}的")),
    "year": (("from {}", "of the year {}"), ("{}年的", "{}年出的")),
}

# What is called so in the catalogue | otherwise in English | in Chinese.
_OTHERWISE = {
    name: Word(en, zh)
    for name, en, zh in table("""
Hardback | bound book | 硬皮书
Paperback | soft-cover book | 简装书
Illustrated Book | picture book | 绘本
Feature Film | movie | 电影
Documentary | factual film | 纪实影片
Animated Film | cartoon | 动画电影
Series | TV show | 电视剧
Folk | traditional songs | 民间音乐
Jazz | swing music | 爵士乐
Electronic | electronica | 电子乐
Classical | orchestra music | 古典乐
Pop | chart music | 流行乐
Rock | guitar music | 摇滚乐
Ambient | background music | 背景音乐
Lo-fi | chilled beats | 放松音乐
Board Game | tabletop game | 棋盘游戏
Video Game | computer game | 电脑游戏
Card Game | game of cards | 纸牌游戏
Jigsaw | puzzle | 拼板玩具
Cardigan | button-up sweater | 开襟毛衣
T-Shirt | tee | 短袖
Parka | winter coat | 冬季外套
Dress | gown | 裙子
Trousers | pants | 裤子
Shirt | blouse | 衬衣
Scarf | shawl | 披巾
Turtleneck | roll-neck sweater | 高领毛衣
Hiking Boots | walking boots | 徒步鞋
Running Shoes | jogging trainers | 慢跑鞋
Loafers | slip-ons | 一脚蹬
Sandals | summer shoes | 夏天穿的鞋
Sneakers | casual shoes | 运动鞋
Chelsea Boots | ankle boots | 短靴
Ballet Flats | ballerinas | 平底鞋
Slippers | house shoes | 拖鞋
Moka Pot | stovetop espresso maker | 咖啡壶
Saucepan | milk pan | 小锅
Teapot | pot for tea | 泡茶的壶
Chef's Knife | kitchen blade | 菜刀
Mug | coffee cup | 杯子
Chopping Board | cutting board | 菜板
Protein Shaker | shaker bottle | 蛋白粉杯
Casserole | stew pot | 焖锅
Tent | shelter for camping | 露营帐
Backpack | rucksack | 双肩包
Camping Lantern | lamp for camping | 营地灯
Water Bottle | flask | 水瓶
Compass | needle that points north | 罗盘
Sleeping Bag | bag to sleep in | 露营被
Binoculars | field glasses | 望远镜
Picnic Basket | hamper | 野餐篓
Table Lamp | desk light | 桌灯
Vase | flower holder | 插花瓶
Throw Blanket | plaid for the sofa | 毯子
Candle | scented wax light | 蜡烛
Wall Clock | clock for the wall | 时钟
Armchair | easy chair | 单人沙发
Cushion | sofa pillow | 抱枕
Plant Pot | flowerpot | 种花的盆
Headphones | headset | 头戴式耳麦
Speaker | loudspeaker | 扬声器
Camera | photo apparatus | 照相机
Keyboard | keys for typing | 打字键盘
Smartwatch | fitness watch | 智能腕表
Telescope | star-gazing scope | 看星星的望远镜
Record Player | turntable | 黑胶机
E-Reader | e-book reader | 电纸书
Moss Green | mossy | 苔藓绿
Terracotta | burnt orange | 砖红色
Charcoal | dark grey | 深灰色
Ivory | off-white | 米白色
Sky Blue | light blue | 浅蓝色
Navy | dark blue | 深蓝色
Blush Pink | pale pink | 浅粉色
Mustard | dark yellow | 暗黄色
Scarlet | bright red | 鲜红色
Plum | purple | 紫色
Teal | blue-green | 蓝绿色
Sand | beige | 米黄色
Silver | metallic grey | 银色
Forest Green | dark green | 深绿色
Wool | woollen yarn | 毛线
Merino | fine wool | 细羊毛
Cotton | soft plant fibre | 棉布
Linen | flax | 麻布
Leather | hide | 真皮
Suede | napped hide | 绒面皮
Denim | jeans cloth | 丹宁
Silk | silky fabric | 丝绸
Velvet | velour | 天鹅绒
Cashmere | goat's wool | 山羊绒
Mesh | netting | 网眼布
Recycled Nylon | reclaimed synthetics | 环保尼龙
Canvas | sailcloth | 粗布
Copper | reddish metal | 铜
Cast Iron | heavy iron | 生铁
Steel | stainless metal | 钢
Enamel | glazed metal | 珐琅
Stoneware | pottery | 陶器
Porcelain | fine china | 瓷器
Glass | see-through crystal | 透明水晶
Oak | pale hardwood | 橡树
Walnut | dark hardwood | 核桃木
Bamboo | cane | 竹子
Aluminium | light metal | 铝
Titanium | space-age metal | 钛
Carbon | black fibre | 碳纤
Brass | golden metal | 金色的铜
Rattan | wicker | 藤条
Beeswax | bees' wax | 蜜蜡
Soy Wax | soya | 豆蜡
travel | journeys | 旅途
nature | wildlife | 大自然
cookery | cooking | 烹饪
space | the stars | 宇宙
technology | computers | 技术
mystery | crime | 推理
romance | love | 恋爱
history | the past | 古代
comedy | something funny | 搞笑
sport | athletics | 运动
design | architecture | 建筑
fantasy | magic | 魔幻
""")
}


def requests(
    items: Sequence[Item], n: int, language: Language, rng: np.random.Generator, paraphrased: bool = False
) -> list[Request]:
    """`n` requests for items of the catalogue `items` drawn at random; for fewer, where there are fewer items that can
    be told from others.
    """
    remembered = [_facts(item) for item in items]
    alike: dict[tuple[str, Word], set[int]] = {}
    for row, facts in enumerate(remembered):
        for fact in facts:
            alike.setdefault(fact[:2], set()).add(row)
    found: list[Request] = []
    for row in rng.permutation(len(items)).tolist():
        facts = _enough(remembered[row], alike, rng)
        if facts and len(found) < n:
            found.append(Request(_worded(facts, language, rng, paraphrased), row))
    return found


def _facts(item: Item) -> list[_Remembered]:
    """The kind first."""
    named = [("kind", item.kind.name), ("colour", item.colour.name)]
    named += [("material", item.material.name)] if item.material else []
    named += [("theme", item.theme.name)] if item.theme else []
    facts = [_Remembered(facet, name, _OTHERWISE[name.en]) for facet, name in named]
    plain = [("maker", item.maker.name), ("brand", item.brand), ("year", str(item.year))]
    facts += [_Remembered(facet, Word(name, name)) for facet, name in plain]
    return [*facts, _Remembered("size", item.size)] if item.size else facts


def _enough(
    facts: list[_Remembered], alike: dict[tuple[str, Word], set[int]], rng: np.random.Generator
) -> list[_Remembered]:
    """As many facts, in any order, as tell the thing from nearly all others; nothing where all do not."""
    told, meant = [facts[0]], alike[facts[0][:2]]
    for place in rng.permutation(len(facts) - 1).tolist():
        told.append(facts[1 + place])
        meant = meant & alike[told[-1][:2]]
        if len(meant) <= FEW:
            return told
    return []


def _worded(facts: list[_Remembered], language: Language, rng: np.random.Generator, paraphrased: bool) -> str:
    otherwise = _otherwise(facts, rng) if paraphrased else set()
    words = [_said(fact, language, fact.facet in otherwise) for fact in facts]
    openings = _OPENINGS[language]
    parts = [openings[rng.integers(len(openings))].format(kind=words[0])]
    for fact, said in zip(facts[1:], words[1:], strict=True):
        clauses = _CLAUSES[fact.facet][language == "zh"]
        parts.append(clauses[rng.integers(len(clauses))].format(said))
    return ("，" if language == "zh" else ", ").join(parts)


def _otherwise(facts: list[_Remembered], rng: np.random.Generator) -> set[str]:
    able = [fact.facet for fact in facts if fact.otherwise is not None]
    sure = able[rng.integers(len(able))]
    return {facet for facet in able if facet == sure or rng.random() < 0.5}


def _said(fact: _Remembered, language: Language, otherwise: bool) -> str:
    word = fact.otherwise if otherwise and fact.otherwise is not None else fact.said
    return word.zh if language == "zh" else word.en.lower() if fact.facet not in ("maker", "brand", "size") else word.en
