"""Colours, thresholds and field options, the same in every panel."""

PHASE_COLOURS = {
    "dns": "purple",
    "connect": "blue",
    "tls": "semi-dark-green",
    "send": "yellow",
    "first_byte": "orange",
    "transfer": "semi-dark-red",
}

# Conflicts stand out from the other codes of their class.
CODE_COLOURS = (
    ("/^1..$/", "light-blue"),
    ("/^2..$/", "green"),
    ("/^3..$/", "blue"),
    ("/^4..$/", "yellow"),
    ("/^409$/", "red"),
    ("/^5..$/", "purple"),
    ("/^other$/", "text"),
)

STATES = {
    0: ("normal", "green"),
    1: ("unusual", "orange"),
    2: ("spike", "red"),
    3: ("conflicts, no rules loaded", "yellow"),
}


def thresholds(first, *steps):
    """The colour below all steps, then pairs of a value and the colour from there on."""
    rest = [{"color": colour, "value": value} for value, colour in steps]
    return {"mode": "absolute", "steps": [{"color": first, "value": None}, *rest]}


NEUTRAL = thresholds("blue")
NONE_IS_GOOD = thresholds("green", (1, "red"))
FEW_ARE_GOOD = thresholds("green", (1, "orange"))
UNUSUALNESS = thresholds("green", (2.5, "orange"), (4, "red"))
RATIO = thresholds("green", (0.02, "orange"), (0.1, "red"))
SUCCESS = thresholds("red", (0.9, "orange"), (0.99, "green"))
DAYS_LEFT = thresholds("red", (2, "orange"), (14, "green"))
LATENESS = thresholds("green", (0.01, "orange"), (0.1, "red"))
LOST = thresholds("green", (0.001, "orange"), (0.01, "red"))


def value_mappings(texts):
    """Words and colours instead of numbers."""
    options = {
        str(value): {"text": text, "color": colour, "index": index}
        for index, (value, (text, colour)) in enumerate(texts.items())
    }
    return [{"type": "value", "options": options}]


def override(matcher, options, **properties):
    """Options of some fields; a double underscore stands for a dot of a property's path."""
    values = [{"id": key.replace("__", "."), "value": value} for key, value in properties.items()]
    return {"matcher": {"id": matcher, "options": options}, "properties": values}


def fixed(colour):
    """One colour, whatever the value."""
    return {"mode": "fixed", "fixedColor": colour}


def by_phase(suffix=""):
    """Each phase in its own colour."""
    return [
        override("byRegexp", f"/^{phase}{suffix}$/", color=fixed(colour))
        for phase, colour in PHASE_COLOURS.items()
    ]


def by_code():
    """Each class of codes in its own colour, and conflicts in theirs."""
    return [override("byRegexp", pattern, color=fixed(colour)) for pattern, colour in CODE_COLOURS]
