"""The procedural target: a portrait drawn as a cel, from the photo alone, with no artwork involved."""
