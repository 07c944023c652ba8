"""World: a generated marketplace with known truth; `docs/demo_world.md` tells how it works."""

from serendip.world.behaviour import Behaviour, Reactions
from serendip.world.laws import Laws, Logit
from serendip.world.marketplace import World, generate

__all__ = ["Behaviour", "Laws", "Logit", "Reactions", "World", "generate"]
