"""Categories and what is sold in them: kinds, materials, colours, brands."""

from __future__ import annotations

from typing import NamedTuple

from serendip.world.styles import Word, names, table


class Kind(NamedTuple):
    name: Word
    leanings: str
    price: float
    """The middle of its prices, in euros."""
    materials: tuple[str, ...] = ()
    sizes: tuple[Word, ...] = ()


class Category(NamedTuple):
    name: Word
    prefix: str
    """What its item ids start with."""
    maker: Word
    """What its makers are called, and the relation that links an item to its maker."""
    themed: bool
    """Whether its items are about something (books, films, music, games)."""
    kinds: tuple[Kind, ...]
    brands: tuple[str, ...]
    """One brand at home in each style, in the order of styles."""


class Colour(NamedTuple):
    name: Word
    leanings: str
    paint: str


class Material(NamedTuple):
    name: Word
    leanings: str
    praise: Word
    paint: str
    """Its own colour; then the colour of an item is that of handles, bands and buttons. Empty: it takes any."""


COLOURS = tuple(
    Colour(Word(en, zh), leanings, paint)
    for en, zh, leanings, paint in table("""
Moss Green | 苔绿色 | adventurous bohemian | #7a9a5b
Terracotta | 陶土色 | homely bohemian | #c96f4e
Charcoal | 炭灰色 | noir minimalist | #454b54
Ivory | 象牙白 | minimalist romantic | #f1e8d4
Sky Blue | 天蓝色 | sporty playful | #6cb0df
Navy | 藏青色 | vintage sporty | #2f4776
Blush Pink | 粉红色 | romantic playful | #ec9fae
Mustard | 芥末黄 | homely playful | #e0ac3c
Scarlet | 绯红色 | sporty playful | #d64b45
Plum | 梅紫色 | noir bohemian | #7b4a76
Teal | 青色 | futuristic adventurous | #2f9490
Sand | 沙色 | adventurous vintage | #d8bf94
Silver | 银灰色 | futuristic minimalist | #b4bdc8
Forest Green | 墨绿色 | vintage bohemian | #2f6149
""")
)

MATERIALS = {
    en: Material(Word(en, zh), leanings, Word(praise, praise_zh), paint)
    for en, zh, leanings, praise, praise_zh, paint in table("""
Wool | 羊毛 | homely vintage | Keeps warm even when it is damp. | 受潮也保暖。 |
Merino | 美利奴羊毛 | adventurous sporty | Stays fresh for days on the road. | 连穿数日依然清爽。 |
Cotton | 纯棉 | playful homely | Soft from the first day, washes well. | 亲肤柔软，耐洗。 |
Linen | 亚麻 | minimalist romantic | Cool in summer, better with every wash. | 夏日凉爽，越洗越好。 |
Leather | 皮革 | vintage noir | Ages well and can be mended. | 越用越有味道，可修补。 |
Suede | 麂皮 | vintage romantic | Soft to the touch, brushed by hand. | 手工拉绒，触感柔软。 |
Denim | 牛仔布 | playful vintage | Sturdy, and never quite the same blue. | 结实耐穿，每件都略有不同。 |
Silk | 真丝 | romantic bohemian | Light, smooth and a little bright. | 轻盈顺滑，微带光泽。 |
Velvet | 丝绒 | noir romantic | Deep colour that drinks the light. | 色泽深邃，吸尽光线。 |
Cashmere | 羊绒 | minimalist romantic | Very light, very warm. | 极轻，极暖。 |
Mesh | 网布 | sporty futuristic | Breathes on the longest run. | 长跑也透气。 |
Recycled Nylon | 再生尼龙 | adventurous futuristic | Sheds rain and weighs next to nothing. | 防泼水，几乎没有重量。 |
Canvas | 帆布 | adventurous playful | Tough enough for every day. | 天天用也不怕。 |
Copper | 紫铜 | vintage homely | Heats evenly and shines for decades. | 受热均匀，历久弥新。 | #c97c52
Cast Iron | 铸铁 | homely noir | Holds its heat, lasts for generations. | 蓄热持久，可传数代。 | #4a4e56
Steel | 不锈钢 | minimalist sporty | Plain, strong and easy to clean. | 朴素坚固，易清洁。 | #b3bdc7
Enamel | 搪瓷 | homely playful | Bright, light and made for knocks. | 鲜亮轻巧，不怕磕碰。 |
Stoneware | 粗陶 | homely bohemian | Fired slowly, each a little different. | 慢火烧成，件件不同。 |
Porcelain | 白瓷 | romantic vintage | Thin at the rim, strong in use. | 薄胎而耐用。 | #f4f0ea
Glass | 玻璃 | minimalist romantic | Clear, light, free of taste. | 通透轻盈，无异味。 | #bfdfe4
Oak | 橡木 | homely bohemian | Oiled solid wood with a lively grain. | 实木上油，纹理生动。 | #cfa067
Walnut | 胡桃木 | vintage minimalist | Dark grain, smooth edges. | 深色木纹，边缘圆润。 | #855b40
Bamboo | 竹 | bohemian minimalist | Grows fast, wears slowly. | 长得快，磨得慢。 | #dcc27f
Aluminium | 铝合金 | futuristic sporty | Light and stiff, with a matt finish. | 轻而坚挺，哑光表面。 | #c6ced6
Titanium | 钛合金 | futuristic adventurous | Half the weight, twice the life. | 重量减半，寿命加倍。 | #929ca6
Carbon | 碳纤维 | sporty futuristic | As light as it gets. | 轻到极致。 | #3c4047
Brass | 黄铜 | vintage noir | Warms to a soft patina. | 日久生出温润光泽。 | #cfa548
Rattan | 藤编 | bohemian homely | Woven by hand, airy and strong. | 手工编织，透气结实。 | #d2a86f
Beeswax | 蜂蜡 | bohemian homely | Burns long and smells of honey. | 燃烧持久，有蜂蜜香。 | #eab94c
Soy Wax | 大豆蜡 | minimalist romantic | Burns clean for many evenings. | 燃烧洁净，可用多晚。 | #f3ead6
""")
}

# Category, kind in both languages, styles, middle price in euros, materials, sizes.
_KINDS = table("""
books | Hardback | 精装书 | vintage minimalist | 24 | |
books | Paperback | 平装书 | homely playful | 12 | |
books | Illustrated Book | 图文书 | bohemian adventurous | 29 | |
films | Feature Film | 故事片 | romantic noir | 13 | |
films | Documentary | 纪录片 | adventurous vintage | 11 | |
films | Animated Film | 动画片 | playful bohemian | 14 | |
films | Series | 剧集 | noir futuristic | 27 | |
music | Folk | 民谣 | bohemian adventurous | 21 | |
music | Jazz | 爵士 | noir vintage | 23 | |
music | Electronic | 电子 | futuristic sporty | 19 | |
music | Classical | 古典 | vintage romantic | 22 | |
music | Pop | 流行 | playful romantic | 17 | |
music | Rock | 摇滚 | sporty noir | 20 | |
music | Ambient | 氛围 | minimalist futuristic | 20 | |
music | Lo-fi | 低保真 | homely minimalist | 16 | |
games | Board Game | 桌游 | vintage bohemian | 38 | |
games | Video Game | 电子游戏 | futuristic sporty | 49 | |
games | Card Game | 卡牌游戏 | noir playful | 17 | |
games | Jigsaw | 拼图 | homely romantic | 19 | | 500 pieces, 1000 pieces, 2000 pieces
clothing | Cardigan | 开衫 | homely vintage | 72 | Wool, Cotton, Cashmere, Merino |
clothing | T-Shirt | T恤 | playful sporty | 24 | Cotton, Merino, Linen, Mesh |
clothing | Parka | 风雪大衣 | adventurous sporty | 165 | Recycled Nylon, Canvas, Cotton, Wool |
clothing | Dress | 连衣裙 | romantic bohemian | 89 | Silk, Linen, Velvet, Cotton |
clothing | Trousers | 长裤 | minimalist adventurous | 68 | Linen, Denim, Wool, Canvas |
clothing | Shirt | 衬衫 | minimalist vintage | 54 | Linen, Cotton, Silk, Denim |
clothing | Scarf | 围巾 | bohemian romantic | 39 | Wool, Silk, Cashmere, Cotton |
clothing | Turtleneck | 高领衫 | noir futuristic | 62 | Merino, Cashmere, Cotton, Wool |
shoes | Hiking Boots | 登山靴 | adventurous sporty | 149 | Leather, Recycled Nylon, Suede |
shoes | Running Shoes | 跑鞋 | sporty futuristic | 118 | Mesh, Recycled Nylon, Carbon |
shoes | Loafers | 乐福鞋 | vintage minimalist | 109 | Leather, Suede, Velvet |
shoes | Sandals | 凉鞋 | bohemian playful | 58 | Leather, Canvas, Recycled Nylon |
shoes | Sneakers | 休闲鞋 | minimalist playful | 84 | Canvas, Leather, Suede, Mesh |
shoes | Chelsea Boots | 切尔西靴 | noir vintage | 139 | Leather, Suede, Velvet |
shoes | Ballet Flats | 芭蕾平底鞋 | romantic minimalist | 74 | Leather, Silk, Velvet, Suede |
shoes | Slippers | 居家拖鞋 | homely playful | 36 | Wool, Cotton, Suede, Linen |
kitchen | Moka Pot | 摩卡壶 | homely vintage | 34 | Copper, Steel, Aluminium | 3 cups, 6 cups, 9 cups
kitchen | Saucepan | 奶锅 | homely minimalist | 58 | Copper, Steel, Enamel, Cast Iron | 1.5 L, 2 L, 3 L
kitchen | Teapot | 茶壶 | romantic bohemian | 44 | Porcelain, Stoneware, Glass, Cast Iron | 0.6 L, 0.9 L, 1.2 L
kitchen | Chef's Knife | 主厨刀 | noir minimalist | 79 | Steel, Titanium, Carbon | 16 cm, 20 cm, 24 cm
kitchen | Mug | 马克杯 | playful homely | 15 | Stoneware, Enamel, Porcelain, Glass | 250 ml, 350 ml
kitchen | Chopping Board | 砧板 | homely bohemian | 37 | Oak, Walnut, Bamboo | small, medium, large
kitchen | Protein Shaker | 摇摇杯 | sporty futuristic | 19 | Steel, Titanium, Aluminium | 500 ml, 700 ml
kitchen | Casserole | 炖锅 | homely vintage | 112 | Cast Iron, Enamel, Copper, Stoneware | 3 L, 4 L, 6 L
outdoor | Tent | 帐篷 | adventurous bohemian | 239 | Recycled Nylon, Canvas, Cotton | 1 person, 2 people, 4 people
outdoor | Backpack | 背包 | adventurous sporty | 119 | Recycled Nylon, Canvas, Leather | 20 L, 35 L, 50 L
outdoor | Camping Lantern | 露营灯 | homely vintage | 42 | Brass, Aluminium, Glass | 200 lumens, 400 lumens
outdoor | Water Bottle | 水壶 | sporty minimalist | 28 | Steel, Titanium, Aluminium, Glass | 0.5 L, 0.75 L, 1 L
outdoor | Compass | 指南针 | vintage adventurous | 36 | Brass, Aluminium, Steel | pocket, map
outdoor | Sleeping Bag | 睡袋 | adventurous homely | 148 | Recycled Nylon, Cotton, Silk | to 5 °C, to -5 °C
outdoor | Binoculars | 双筒望远镜 | bohemian adventurous | 134 | Aluminium, Titanium, Carbon | 8x32, 10x42
outdoor | Picnic Basket | 野餐篮 | romantic playful | 65 | Rattan, Bamboo, Canvas | for two, for four
home | Table Lamp | 台灯 | noir minimalist | 78 | Brass, Glass, Steel, Stoneware | 30 cm, 45 cm
home | Vase | 花瓶 | romantic minimalist | 43 | Glass, Porcelain, Stoneware, Brass | 18 cm, 25 cm, 32 cm
home | Throw Blanket | 盖毯 | homely bohemian | 64 | Wool, Cotton, Cashmere, Merino | 130 x 180 cm, 150 x 200 cm
home | Candle | 香薰蜡烛 | romantic bohemian | 23 | Beeswax, Soy Wax | 30 hours, 50 hours
home | Wall Clock | 挂钟 | vintage playful | 52 | Oak, Walnut, Brass, Steel | 25 cm, 35 cm
home | Armchair | 扶手椅 | minimalist vintage | 389 | Velvet, Leather, Linen, Rattan |
home | Cushion | 靠垫 | playful homely | 31 | Velvet, Linen, Cotton, Wool | 40 cm, 50 cm
home | Plant Pot | 花盆 | bohemian minimalist | 26 | Stoneware, Porcelain, Rattan, Enamel | 12 cm, 18 cm, 24 cm
electronics | Headphones | 耳机 | sporty futuristic | 149 | Aluminium, Leather, Carbon |
electronics | Speaker | 音箱 | minimalist playful | 99 | Walnut, Aluminium, Oak, Canvas |
electronics | Camera | 相机 | adventurous vintage | 449 | Aluminium, Leather, Titanium |
electronics | Keyboard | 键盘 | futuristic noir | 109 | Aluminium, Walnut, Steel |
electronics | Smartwatch | 智能手表 | sporty futuristic | 219 | Titanium, Steel, Aluminium |
electronics | Telescope | 天文望远镜 | futuristic bohemian | 299 | Carbon, Aluminium, Brass |
electronics | Record Player | 唱片机 | vintage romantic | 259 | Walnut, Oak, Aluminium |
electronics | E-Reader | 电子书阅读器 | minimalist homely | 129 | Aluminium, Linen, Leather |
""")

_CATEGORIES = table("""
books | 图书 | book | author | 作者 | themed
films | 影视 | film | director | 导演 | themed
music | 音乐 | music | artist | 艺人 | themed
games | 游戏 | game | designer | 设计师 | themed
clothing | 服装 | wear | designer | 设计师 | made
shoes | 鞋履 | shoe | designer | 设计师 | made
kitchen | 厨具 | cook | designer | 设计师 | made
outdoor | 户外 | trek | designer | 设计师 | made
home | 家居 | home | designer | 设计师 | made
electronics | 数码 | tech | designer | 设计师 | made
""")

_BRANDS = dict(
    table("""
books | Meridian Press, Hearth & Page, Orbit Nine, Black Lantern, Rosewater House, Old Quay, Paper Kite, Stride Books, \
Plainline, Greenmantle
films | Far Horizon, Kettle Films, Parallax, Nightjar, Two Umbrellas, Sepia, Hullabaloo, Sprint Pictures, Blank Frame, \
Moth & Moon
music | Open Road, Back Porch, Sine Wave, Blue Hour, Valentine, Shellac, Bubblegum, Tempo, Rest Note, Wildflower
games | Base Camp Games, Fireside, Zero Gravity, Cloak & Key, Sweetheart Games, Attic Treasures, Tumbledown, Overtime, \
Square One, Fable Forge
clothing | Northlight, Ember & Wool, Vantablue, Ravenshaw, Belle Saison, Harrow & Son, Pom Pom, Velocita, Norr, \
Wanderlily
shoes | Cairn, Snug, Strata, Umbra, Petite Rue, Cobbler's Row, Hopscotch, Fleetfoot, Sole Studio, Meadowlark
kitchen | Campfire Cookware, Nonna Lina, Induct, Blackpan, Petal & Plate, Copperfield, Jellybean, Fuel, Blanc, \
Claywork
outdoor | Ridgeway, Homestead, Exo, Nightfall, Riviera, Explorer's Club, Ladybird, Peakform, Tarn, Fern & Fen
home | Basecamp Living, Hygge House, Lumen Lab, Dusk, Maison Rose, Attic & Co, Confetti, Active Home, Kanso, \
Marrakesh Row
electronics | Trailtech, Homebody, Neon Labs, Obsidian, Coral Audio, Bakelite, Pixelpop, Pulse, Mono, Driftwood Audio
""")
)


_SIZES_ZH = {
    "small": "小号",
    "medium": "中号",
    "large": "大号",
    "pocket": "口袋型",
    "map": "地图型",
    "for two": "双人份",
    "for four": "四人份",
    "cups": "杯",
    "pieces": "片",
    "person": "人",
    "people": "人",
    "hours": "小时",
    "lumens": "流明",
    "cm": "厘米",
    "ml": "毫升",
    "L": "升",
    "°C": "℃",
}


def _size_zh(size: str) -> str:
    """`6 cups` as `6杯`; what has no word of its own stays."""
    if size in _SIZES_ZH:
        return _SIZES_ZH[size]
    number, _, unit = size.rpartition(" ")
    return number.replace("to ", "适温") + _SIZES_ZH[unit] if number else size


def _kinds(category: str) -> tuple[Kind, ...]:
    return tuple(
        Kind(
            Word(en, zh),
            leanings,
            float(price),
            names(materials),
            tuple(Word(size, _size_zh(size)) for size in names(sizes)),
        )
        for owner, en, zh, leanings, price, materials, sizes in _KINDS
        if owner == category
    )


CATEGORIES = tuple(
    Category(Word(en, zh), prefix, Word(maker, maker_zh), themed == "themed", _kinds(en), names(_BRANDS[en]))
    for en, zh, prefix, maker, maker_zh, themed in _CATEGORIES
)
