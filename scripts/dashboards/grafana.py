"""A dashboard's frame: data source, variables, annotation, links, and panels laid out in rows."""

from promql import FIRING_EXPORTER, FIRING_TARGET, JOB

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24


def source_variable():
    """The choice of a Prometheus, which every query goes to."""
    return {
        "name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus",
        "current": {}, "hide": 0, "includeAll": False, "multi": False, "options": [],
        "refresh": 1, "regex": "", "skipUrlSync": False,
    }


def query_variable(name, label, query, multi=True, all_values=True, current=None):
    """A choice of the values of a label."""
    made = {
        "name": name, "label": label, "type": "query", "datasource": SOURCE,
        "query": {"qryType": 1, "query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery"},
        "definition": query, "current": current or {}, "hide": 0, "includeAll": all_values,
        "multi": multi, "options": [], "refresh": 2, "regex": "", "skipUrlSync": False, "sort": 1,
    }
    if all_values:
        made["allValue"] = ".+"
    return made


def job_variable():
    """The jobs that have exporters, also such without a target."""
    return query_variable("job", "Job", "label_values(httpcycle_targets, job)")


def target_variable(multi):
    """The targets of the jobs."""
    query = f"label_values(httpcycle_target_info{{{JOB}}}, target)"
    return query_variable("target", "Target", query, multi=multi)


def labels_variable():
    """Filters by labels that targets have of their own, which no dashboard can know."""
    return {
        "name": "filters", "label": "Labels", "type": "adhoc", "datasource": SOURCE,
        "filters": [], "hide": 0, "skipUrlSync": False,
    }


def annotation(name, expr, text, colour):
    """Alerts as marks on every graph. Grafana before 11 reads `expr`, later ones `target`."""
    return {
        "name": name, "datasource": SOURCE, "enable": True, "hide": False, "iconColor": colour,
        "expr": expr, "step": "", "tagKeys": "severity,phase,instance",
        "titleFormat": "{{alertname}}", "textFormat": text, "useValueForTime": False,
        "target": {"expr": expr, "refId": "Anno"},
    }


# Apart from each other, as Grafana shows the name of a label that an alert does not have.
OF_TARGETS = annotation("Alerts of targets", FIRING_TARGET, "{{target}}", "red")
OF_EXPORTERS = annotation("Alerts of exporters", FIRING_EXPORTER, "{{job}}", "purple")


def dashboard(uid, title, description, variables, rows, alerts=(OF_TARGETS, OF_EXPORTERS), hours=3):
    """A dashboard that every Grafana from 9 on loads; those after 9 migrate it by its version."""
    link = {
        "title": "HTTP cycle", "type": "dashboards", "tags": ["httpcycle"], "asDropdown": False,
        "icon": "external link", "includeVars": True, "keepTime": True, "targetBlank": False,
        "tooltip": "", "url": "",
    }
    return {
        "uid": uid, "title": title, "description": description, "tags": ["httpcycle"],
        "schemaVersion": 36, "version": 1, "editable": False, "graphTooltip": 1,
        "fiscalYearStartMonth": 0, "liveNow": False, "weekStart": "",
        "timezone": "browser", "refresh": "30s", "time": {"from": f"now-{hours}h", "to": "now"},
        "timepicker": {}, "links": [link], "annotations": {"list": list(alerts)},
        "templating": {"list": variables}, "panels": laid_out(rows),
    }


def laid_out(rows):
    """Panels from the left to the right and from the top down, numbered in that order.

    A row is a height with its panels and their widths, or the title of a section.
    """
    panels, top = [], 0
    for row in rows:
        if isinstance(row, str):
            panels.append(heading(row, top))
            top += 1
            continue
        height, cells = row
        left = 0
        for width, panel in cells:
            panels.append({**panel, "gridPos": {"h": height, "w": width, "x": left, "y": top}})
            left += width
        assert left == WIDTH, f"a row of {left} columns: {[panel['title'] for _, panel in cells]}"
        top += height
    return [{"id": number, **panel} for number, panel in enumerate(panels, 1)]


def heading(title, top):
    """The title of a section."""
    return {
        "type": "row", "title": title, "collapsed": False, "panels": [],
        "gridPos": {"h": 1, "w": WIDTH, "x": 0, "y": top},
    }
