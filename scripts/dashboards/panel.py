"""What panels are made of: queries, links, a legend."""

import string

from grafana import SOURCE

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


def legend(placement="bottom", mode="list", calcs=()):
    """A legend that is shown, which Grafana from 9 on wants to be told."""
    return {"showLegend": True, "displayMode": mode, "placement": placement, "calcs": list(calcs)}
