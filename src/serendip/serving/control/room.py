"""Room: all that the control room asks, over the engine that answers."""

from __future__ import annotations

from serendip.serving.control.audiences import Audiences
from serendip.serving.control.item_maps import ItemMaps
from serendip.serving.control.neighbours import Neighbourhoods
from serendip.serving.control.overview import Overview
from serendip.serving.control.previewing import Previews
from serendip.serving.control.rehearsal import Rehearsals
from serendip.serving.control.stages import Stages
from serendip.serving.control.tastes import Tastes
from serendip.serving.control.trying import Trials
from serendip.serving.engine import Engine


class ControlRoom:
    """Each reads when it is asked, and none has a part in an answer."""

    def __init__(self, engine: Engine) -> None:
        store, rules, deployment = engine.store, engine.rules, engine.deployment
        signals = engine.workspace.settings.events
        self.overview = Overview(engine)
        self.maps = ItemMaps(engine.workspace, deployment)
        self.tastes, self.neighbourhoods = Tastes(store, signals), Neighbourhoods(store, signals)
        self.audiences = Audiences(store, signals)
        self.trials = Trials(deployment, engine.experiments, rules)
        self.previews = Previews(store, deployment, rules)
        self.stages, self.rehearsals = Stages(store, rules), Rehearsals(store, rules)
