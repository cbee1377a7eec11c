"""The kinds of panels, with the options that are the same in all of one kind."""

import string

import look
from grafana import SOURCE

# Points of targets that are probed every few minutes are joined; a longer gap is one.
JOINED = 600_000
TARGET_LINK = (
    "/d/httpcycle-target?var-target=${{{0}target:percentencode}}&var-job=${{{0}job:percentencode}}"
    "&${{datasource:queryparam}}&${{filters:queryparam}}&${{__url_time_range}}"
)


def to_target(fields="__field.labels."):
    """A link from what shows a target to all about it."""
    return [{"title": "All about this target", "url": TARGET_LINK.format(fields), "targetBlank": False}]


def to_exporter():
    """A link from what shows an exporter's trouble to all about it."""
    url = "/d/httpcycle-exporter?${datasource:queryparam}&${job:queryparam}&${__url_time_range}"
    return [{"title": "All about the exporters", "url": url, "targetBlank": False}]


def query(expr, legend="__auto", instant=False, kind="time_series"):
    """A query of a panel."""
    return {
        "datasource": SOURCE, "editorMode": "code", "expr": expr, "legendFormat": legend,
        "format": kind, "instant": instant, "range": not instant, "exemplar": False,
    }


def now(expr, legend="__auto", kind="time_series"):
    """A query for the end of the time that is shown."""
    return query(expr, legend, instant=True, kind=kind)


def panel(kind, title, description, queries, defaults, options, overrides=()):
    """A panel; its queries are lettered in order."""
    targets = [
        {"refId": letter, **each} for letter, each in zip(string.ascii_uppercase, queries)
    ]
    return {
        "type": kind, "title": title, "description": description, "datasource": SOURCE,
        "targets": targets, "options": options,
        "fieldConfig": {"defaults": defaults, "overrides": list(overrides)},
    }


def reduced():
    """One value a series: its last."""
    return {"calcs": ["lastNotNull"], "fields": "", "values": False}


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


def legend(placement="bottom", mode="list", calcs=()):
    """A legend that is shown, which Grafana from 9 on wants to be told."""
    return {"showLegend": True, "displayMode": mode, "placement": placement, "calcs": list(calcs)}


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
