"""Prequential: each event is foretold before it is learned, as live services meet events. `docs/prequential.md`."""
