"""From a click log to explained recommendations, in one sitting.

Run it: `.venv/bin/python examples/tutorial.py`. The tests run it too, so what it says is so.
"""

# %% 1. Data. A data set is events: who did what, with which item, when. Anything that polars reads will do; here
# a generated marketplace stands in for your own log, because its people have tastes and we know them.

from pathlib import Path
from tempfile import TemporaryDirectory

import serendip
from serendip.world import generate

world = generate(seed=7, n_items=300, n_people=150, n_days=60, target_events=12_000)
tables = world.tables()
print(tables.events.head(3))

dataset = serendip.Dataset.from_tables(tables)
print(f"{dataset.n_users} people, {dataset.n_items} items, {len(dataset.events)} events")

# %% 2. A recommender is a recipe: which models propose, how they are blended, what is left out. The default one
# blends two linear models with what is popular lately.

pipeline = serendip.Pipeline(serendip.Recipe.named("default")).fit(dataset)

# %% 3. Ask. A known person is looked up; a stranger brings a history. Nothing is retrained for either.

for item in pipeline.recommend(serendip.Query(user="p0001", n=3)):
    print(item.rank, item.attributes["title"], "-", item.reasons[0].text)

boots = next(row["item_id"] for row in tables.items.iter_rows(named=True) if row["category"] == "outdoor")
stranger = pipeline.recommend(serendip.Query(history=[boots], n=3))
print(stranger.to_polars())

# %% 4. Every score can be taken apart: the reasons of an item add up to it.

best = stranger[0]
assert abs(sum(reason.contribution for reason in best.reasons) - best.score) < 1e-4

# %% 5. Requests may search, filter and ask for variety.

few = pipeline.recommend(serendip.Query(user="p0001", text="book", filter={"price": {"max": 40}}, diversity=0.5, n=3))
assert all(item.attributes["price"] <= 40 for item in few)

# %% 6. Is it any good? Measure it: people's later choices are hidden, every item competes, and each figure comes
# with a 95 % interval. Popularity stands beside it, because a model that cannot beat it is not worth serving.

report = serendip.evaluate(dataset, ["popular", "ease", pipeline], protocol="global-time")
for row in report.table():
    print(*row, sep="\t")

# %% 7. Save it: a readable folder, no pickle. Loading checks that every file is the one that was saved.

with TemporaryDirectory() as folder:
    pipeline.save(Path(folder) / "shop")
    again = serendip.Pipeline.load(Path(folder) / "shop")
    query = serendip.Query(history=[boots], n=3)
    assert again.recommend(query).to_dict() == pipeline.recommend(query).to_dict()
