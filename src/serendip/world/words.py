"""Words of the books, films, music and games: themes with their titles in English and in Chinese."""

from __future__ import annotations

from typing import NamedTuple

from serendip.world.styles import Word, names, table, words


class Theme(NamedTuple):
    name: Word
    leanings: str
    about: Word
    """What a work on this theme tells."""
    adjectives: tuple[Word, ...]
    places: tuple[Word, ...]
    books: tuple[Word, ...]
    heroes: tuple[Word, ...]


def _themes(text: str) -> tuple[Theme, ...]:
    rows = table(text)
    chapters = [rows[start : start + 6] for start in range(0, len(rows), 6)]
    return tuple(
        Theme(Word(en, zh), leanings, Word(*about), *(words(line) for (line,) in lists))
        for (en, zh, leanings), about, *lists in chapters
    )


# Six lines a theme: name and styles; what it tells; adjectives; places; books; heroes.
THEMES = _themes("""
travel | 旅行 | adventurous vintage
Follows old routes on foot, by rail and by boat. | 沿着古道，徒步、乘火车、坐船一路前行。
Northern 北方, Distant 远方, Coastal 海滨, Winding 蜿蜒, Southern 南国, Windswept 风中
Fjords 峡湾, High Passes 山口, Islands 群岛, Steppe 草原, Old Harbours 旧港, Desert 沙漠
Trail Almanac 徒步年鉴, Field Notes 旅行手记, Slow Atlas 漫游地图集, Wayfarer's Map 行者地图
Navigator 领航员, Ferryman 摆渡人, Mapmaker 绘图师
nature | 自然 | adventurous bohemian
Looks closely at what grows, sings and hides there. | 细看那里生长、鸣唱与躲藏的一切。
Wild 野性, Hidden 隐秘, Mossy 苔绿, Ancient 古老, Misty 薄雾, Quiet 静谧
Forest 森林, Wetlands 湿地, Meadows 草甸, River Valley 河谷, Coral Sea 珊瑚海, Pine Hills 松林
Birdwatcher's Diary 观鸟日记, Natural History 自然史, Botanist's Notebook 植物笔记, Secret Life 秘密生活
Beekeeper 养蜂人, Ranger 护林员, Otters 水獭
cookery | 美食 | homely vintage
Gathers people around good bread, soup and stories. | 让人们围着面包、热汤和故事坐下来。
Slow 慢火, Golden 金黄, Rustic 乡间, Spiced 香料, Sunday 周日, Harvest 丰收
Kitchen 厨房, Bakery 面包房, Orchard 果园, Market 集市, Vineyard 葡萄园, Tea House 茶馆
Recipes 食谱, Seasonal Cookbook 四季食谱, Flavours 风味记, Table Stories 餐桌故事
Baker 面包师, Chef 主厨, Tea Master 茶师
space | 太空 | futuristic adventurous
Leaves the last lit station and keeps going. | 离开最后一座亮灯的空间站，继续向前。
Orbital 轨道, Silent 无声, Frozen 冰封, Infinite 无尽, Drifting 漂流, Solar 太阳
Colony 殖民地, Nebula 星云, Outer Rings 外环, Moon Base 月球基地, Galaxy 银河, Starship 星舰
Chronicles 编年史, Last Voyage 最后航程, Children 之子, Astronaut's Logbook 航天日志
Pilot 飞行员, Android 仿生人, Astronomer 天文学家
technology | 科技 | futuristic minimalist
Asks what our machines will make of us. | 追问机器终将如何改变我们。
Electric 电气, Invisible 无形, Digital 数字, Quantum 量子, Synthetic 合成, Neural 神经
Machine 机器, Network 网络, Laboratory 实验室, Signal 信号, Archive 档案库, Circuit 电路
Short History 简史, Codebreakers 解码者, Engineer's Manual 工程师手册, Dreams 之梦
Hacker 黑客, Inventor 发明家, Programmer 程序员
mystery | 悬疑 | noir vintage
Somebody saw what happened, and nobody is telling. | 有人看见了真相，却没有人开口。
Midnight 午夜, Foggy 雾中, Lost 失落, Whispering 低语, Shadowed 暗影, Locked 密锁
Manor 庄园, Alley 小巷, Lighthouse 灯塔, Canal 运河, Grand Hotel 大饭店, Theatre 剧院
Casebook 案卷, Secrets 之谜, Last Guest 最后的客人, Murders 谋杀案
Detective 侦探, Witness 证人, Stranger 陌生人
romance | 爱情 | romantic playful
Two people meet twice, and the second time counts. | 两个人相遇两次，第二次才算数。
Tender 温柔, Summer 夏日, Parisian 巴黎, Moonlit 月光, Rose 玫瑰, Velvet 丝绒
Garden 花园, Balcony 露台, Ballroom 舞厅, Seaside 海边, Bookshop 书店, Café 咖啡馆
Love Letters 情书, Promises 之约, Two Seasons 两季, Waltz 圆舞曲
Pianist 钢琴师, Florist 花匠, Dancer 舞者
history | 历史 | vintage noir
Opens the ledgers of people who thought it would last. | 翻开那些以为永恒之人的账册。
Imperial 帝国, Forgotten 遗忘, Bronze 青铜, Medieval 中世纪, Royal 皇家, Silk 丝绸
Court 宫廷, Caravan 商队, Citadel 城堡, Dynasty 王朝, Port City 港城, Library 藏书楼
Rise and Fall 兴衰, Daily Life 日常, Chroniclers 史官, Merchants 商人
Emperor 皇帝, Messenger 信使, Weaver 织工
comedy | 喜剧 | playful romantic
Everything goes wrong, and everyone is better for it. | 一切都出了岔子，大家反而更好了。
Clumsy 笨拙, Cheerful 欢乐, Upside-Down 颠倒, Grumpy 坏脾气, Lucky 幸运, Noisy 吵闹
Circus 马戏团, Zoo 动物园, Holiday Camp 度假营, School 学校, Office 办公室, Neighbourhood 街坊
Misadventures 倒霉记, Joke Book 笑话集, Accidental Hero 意外英雄, Secret Club 秘密俱乐部
Magician 魔术师, Penguins 企鹅, Postman 邮递员
sport | 体育 | sporty adventurous
About the hour before the start and the metre before the line. | 关于起跑前一小时和终点前一米。
Iron 钢铁, Flying 飞驰, Final 决胜, Relentless 不屈, Golden-Age 黄金年代, Champion 冠军
Arena 竞技场, Track 赛道, Stadium 体育场, Velodrome 自行车馆, Rock Face 岩壁, Marathon 马拉松
Training Diary 训练日记, Great Rivals 宿敌, Record Book 纪录册, Coach's Notes 教练手记
Runner 跑者, Goalkeeper 门将, Climber 攀登者
design | 设计 | minimalist futuristic
Shows how little is needed for something to be right. | 让人看到，恰到好处所需甚少。
Modern 现代, Concrete 混凝土, Pure 纯粹, Nordic 北欧, Geometric 几何, Luminous 明亮
Studio 工作室, Skyline 天际线, House 住宅, Gallery 画廊, Pavilion 展亭, Workshop 工坊
Principles 原则, Visual Guide 图鉴, Architects 建筑师, Quiet Lines 静默线条
Painter 画家, Potter 陶艺家, Photographer 摄影师
fantasy | 奇幻 | bohemian noir
Here the woods remember, and the maps are wrong on purpose. | 这里的森林记得一切，地图故意画错。
Enchanted 魔法, Emerald 翡翠, Dragon 巨龙, Starlit 星光, Cursed 诅咒, Elven 精灵
Kingdom 王国, Tower 高塔, Mountains 群山, Keep 要塞, Deep Woods 密林, Isles 诸岛
Heirs 继承者, Saga 传说, Witches 女巫, Ballads 歌谣
Sorceress 女术士, Blacksmith 铁匠, Dragonrider 驭龙者
""")

FORMS = {
    kind: words(forms)
    for kind, forms in table("""
Folk | Ballads 民谣集, Fireside Songs 炉边之歌, Fiddle Tunes 提琴曲
Jazz | Quartet Sessions 四重奏, Blue Improvisations 蓝调即兴, Late Sets 夜场
Electronic | Pulses 脉冲, Remixes 混音集, Machine Songs 机械之歌
Classical | Suites 组曲, Nocturnes 夜曲, String Quartets 弦乐四重奏
Pop | Love Songs 情歌, Dance Songs 舞曲, Singalongs 欢唱集
Rock | Anthems 颂歌, Live Tapes 现场录音, Riffs 吉他强音
Ambient | Soundscapes 声景, Slow Tides 缓潮, Still Rooms 静室
Lo-fi | Sunday Beats 节拍集, Rainy Tapes 雨天磁带, Study Loops 自习循环
Board Game | Traders 商人, Builders 建造者, Keepers 守护者
Video Game | Awakening 觉醒, Odyssey 奥德赛, Uprising 崛起
Card Game | Duel 对决, Bluff 诈牌, Gambit 奇招
Jigsaw | Jigsaw 拼图
""")
}
"""What music and games are called, by kind."""

FIRST_NAMES = names("""\
Ingrid, Mateo, Yuki, Amara, Oskar, Leila, Tomas, Priya, Nadia, Hugo, Mei, Kofi, Elena, Rafael, Sigrid, Omar, \
Clara, Jun, Astrid, Dario, Noor, Felix, Hana, Lucia, Emil, Zora, Ivan, Marta, Kenji, Alma""")
LAST_NAMES = names("""\
Solberg, Vega, Tanaka, Okafor, Lindqvist, Haddad, Novak, Sharma, Petrov, Moreau, Chen, Mensah, Rossi, Duarte, \
Halvorsen, Farouk, Weiss, Park, Nyberg, Conti, Rahman, Keller, Mori, Serrano, Brandt, Adeyemi, Orlov, Kowalska, \
Zhao, Ferreira""")
CHINESE_NAMES = names("""\
林晓雨, 王子涵, 陈思远, 李沐阳, 张若曦, 刘一诺, 赵清扬, 周静怡, 吴浩然, 孙嘉禾, 徐知秋, 朱明轩, 何雨桐, 郭星辰, \
马文静, 高远航, 罗书瑶, 梁景行, 宋安琪, 唐语嫣, 许天佑, 邓思琪, 韩立新, 曹慕白""")
