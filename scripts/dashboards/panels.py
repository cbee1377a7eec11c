"""The kinds of panels, with the options that are the same in all of one kind."""

import look
from panel import legend, panel, query, reduced

# Points of targets that are probed every few minutes are joined; a longer gap is one.
JOINED = 600_000


def stat(title, description, expr, unit, steps, graph=False, text="auto", legend="__auto", **defaults):
    """A number on a coloured ground.

    Without a graph it is asked for the end of the time shown alone: an earlier value would hide
    that there is none any more.
    """
    defaults = {"unit": unit, "thresholds": steps, "color": {"mode": "thresholds"}, **defaults}
    options = {
        "colorMode": "background", "graphMode": "area" if graph else "none", "justifyMode": "auto",
        "orientation": "auto", "reduceOptions": reduced(), "textMode": text,
    }
    return panel(
        "stat", title, description, [query(expr, legend, instant=not graph)], defaults, options)


def bars(title, description, query, unit, steps, **defaults):
    """A horizontal bar a series."""
    defaults = {
        "unit": unit, "thresholds": steps, "color": {"mode": "thresholds"}, "min": 0, **defaults
    }
    options = {
        "displayMode": "basic", "orientation": "horizontal", "showUnfilled": True,
        "minVizHeight": 10, "minVizWidth": 0, "reduceOptions": reduced(),
    }
    return panel("bargauge", title, description, [query], defaults, options)


def lines(title, description, queries, unit, overrides=(), steps=None, links=(), low=0,
          table=False, **custom):
    """Values over time."""
    drawn = {
        "drawStyle": "line", "lineInterpolation": "linear", "lineWidth": 1, "fillOpacity": 5,
        "gradientMode": "none", "showPoints": "auto", "pointSize": 4, "spanNulls": JOINED,
        "axisPlacement": "auto", "axisLabel": "", "scaleDistribution": {"type": "linear"},
        "stacking": {"mode": "none", "group": "A"},
        "hideFrom": {"legend": False, "tooltip": False, "viz": False},
        "thresholdsStyle": {"mode": "dashed" if steps else "off"}, **custom,
    }
    defaults = {
        "unit": unit, "custom": drawn, "color": {"mode": "palette-classic"},
        "thresholds": steps or look.NEUTRAL, "links": list(links),
    }
    if low is not None:
        defaults["min"] = low
    placed = legend("right", "table", ("lastNotNull", "max")) if table else legend()
    options = {"legend": placed, "tooltip": {"mode": "multi", "sort": "desc"}}
    return panel("timeseries", title, description, queries, defaults, options, overrides)


def stacked(title, description, queries, unit, overrides=(), draw="line", **more):
    """Values over time that add up."""
    stacking = {"mode": "normal", "group": "A"}
    # What is stacked must not be joined over gaps at different times.
    return lines(
        title, description, queries, unit, overrides, stacking=stacking, fillOpacity=70,
        drawStyle=draw, lineWidth=0 if draw == "bars" else 1, showPoints="never", spanNulls=False,
        **more,
    )


def timeline(title, description, expr, states, links=()):
    """Bars that change their colour with a state."""
    defaults = {
        "custom": {"fillOpacity": 80, "lineWidth": 0},
        # Not by thresholds, which would show their limits instead of the words.
        "color": {"mode": "palette-classic"}, "mappings": look.value_mappings(states),
        "unit": "none", "links": list(links),
    }
    options = {
        "mergeValues": True, "showValue": "never", "alignValue": "left", "rowHeight": 0.85,
        "legend": legend(), "tooltip": {"mode": "single", "sort": "none"},
    }
    return panel("state-timeline", title, description, [query(expr, "{{target}}")], defaults, options)


def heat_map(title, description, expr):
    """How a distribution moves over time."""
    hidden = {"legend": False, "tooltip": False, "viz": False}
    defaults = {"custom": {"hideFrom": hidden, "scaleDistribution": {"type": "linear"}}}
    options = {
        "calculate": False, "cellGap": 1, "cellValues": {"unit": "short"},
        "color": {
            "mode": "scheme", "scheme": "Oranges", "fill": "dark-orange", "reverse": False,
            "exponent": 0.5, "scale": "exponential", "steps": 64,
        },
        "exemplars": {"color": "rgba(255,0,255,0.7)"}, "filterValues": {"le": 1e-9},
        "legend": {"show": True}, "rowsFrame": {"layout": "auto"}, "showValue": "never",
        "tooltip": {"show": True, "mode": "single", "yHistogram": True},
        "yAxis": {"axisPlacement": "left", "reverse": False, "unit": "s"},
    }
    queries = [query(expr, "{{le}}", kind="heatmap")]
    return panel("heatmap", title, description, queries, defaults, options)


def table(title, description, queries, transformations, overrides=(), sort=None, unit="none"):
    """Rows of labels and values."""
    defaults = {
        "custom": {"align": "auto", "displayMode": "auto", "filterable": True, "inspect": False},
        "color": {"mode": "thresholds"}, "thresholds": look.thresholds("text"), "unit": unit,
    }
    options = {
        "showHeader": True, "cellHeight": "sm", "sortBy": [sort] if sort else [],
    }
    made = panel("table", title, description, queries, defaults, options, overrides)
    return {**made, "transformations": transformations}


def organised(names, hidden=()):
    """Columns in the order and with the names of `names`; others follow, but for the hidden ones."""
    options = {
        "excludeByName": {name: True for name in hidden},
        "indexByName": {name: index for index, name in enumerate(names)},
        "renameByName": dict(names),
    }
    return {"id": "organize", "options": options}
