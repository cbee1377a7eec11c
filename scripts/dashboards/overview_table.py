"""The table of all targets: one row each, with what is configured and what was last seen."""

import look
from panel import now, to_target
from panels import organised, table
from promql import (
    BASELINE, CONFLICTS, EACH, RESPONSES, UNEXPECTED, UNUSUALNESS, known_usual, one, share,
)

PROBES = "httpcycle_probes_total"


def over_range(name, by, *more):
    """Events in the time that is shown."""
    return f"sum by ({by}) (increase({one(name, *more)}[$__range]))"


def seen_most(window):
    """The code that came most often."""
    counted = f"sum by ({EACH}, code) (increase({one(RESPONSES)}[{window}]))"
    return f"topk by ({EACH}) (1, {counted} > 0)"


def success():
    """The share of probes that succeeded; a target that never failed has no failures to count."""
    probes = over_range(PROBES, EACH)
    failed = f"({over_range('httpcycle_probe_failures_total', EACH)} or 0 * {probes})"
    return f"1 - {share(failed, probes)}"


def columns():
    """The queries with the title of their value, in their order, and how it looks."""
    coloured = {"custom__displayMode": "color-background"}
    expiry = one("httpcycle_tls_earliest_cert_expiry_timestamp_seconds")
    p99 = over_range("httpcycle_probe_duration_seconds_bucket", f"{EACH}, le")
    in_phases = over_range("httpcycle_phase_duration_seconds_sum", EACH)
    return [
        (f"max without (instance, pod) ({one('httpcycle_target_info')})", None, {}),
        (f"{UNUSUALNESS} or on ({EACH}) {known_usual()}", "Z-score",
         {"thresholds": look.UNUSUALNESS, "decimals": 1, **coloured}),
        (share(over_range(CONFLICTS, EACH, UNEXPECTED), over_range(RESPONSES, EACH)), "Conflict ratio",
         {"unit": "percentunit", "thresholds": look.RATIO, "decimals": 1, **coloured}),
        (f"max by ({EACH}) ({BASELINE})", "Usual ratio", {"unit": "percentunit", "decimals": 1}),
        (f"min by ({EACH}) ({one('httpcycle_probe_success')})", "Last probe",
         {"mappings": look.value_mappings({0: ("failed", "red"), 1: ("fine", "green")}), **coloured}),
        (success(), "Succeeded",
         {"unit": "percentunit", "thresholds": look.SUCCESS, "decimals": 1, **coloured}),
        (f"{seen_most('$__rate_interval')}\nor on ({EACH}) {seen_most('$__range')}", None, {}),
        (share(in_phases, over_range(PROBES, EACH)), "Mean in phases", {"unit": "s"}),
        (f"histogram_quantile(0.99, {p99})", "p99 of probe", {"unit": "s"}),
        (f"max by ({EACH}) ({one('httpcycle_probe_interval_seconds')})", "Interval", {"unit": "s"}),
        (f"(min by ({EACH}) ({expiry}) - time()) / 86400", "Certificate",
         {"unit": "d", "thresholds": look.DAYS_LEFT, "decimals": 0, **coloured}),
    ]


def targets_table():
    made = columns()
    named = [(f"Value #{chr(ord('A') + at)}", title) for at, (_, title, _) in enumerate(made)]
    names = {"target": "Target", **{value: title for value, title in named[:6] if title}}
    names |= {"code": "Code"} | {value: title for value, title in named[6:] if title}
    names |= {"url": "URL", "module": "Module", "method": "Method", "job": "Job"}
    hidden = ["Time", "interval", *(value for value, title in named if not title)]
    looks = [
        look.override("byName", title, **properties) for _, title, properties in made if properties
    ]
    looks.append(look.override("byName", "Target", links=to_target("__data.fields.")))
    return table(
        "Targets",
        "All chosen targets: unexpected conflicts, successes and times over the whole time shown, the "
        "code that came most often of late, and what is configured, labels of your own included. The "
        "whole probe holds the exporter's own time: judge slowness by the phases. Z-score and usual "
        "ratio need the rules in alerts/.",
        [now(expr, kind="table") for expr, _, _ in made],
        [{"id": "merge", "options": {}}, organised(names, hidden)], looks,
        sort={"displayName": "Z-score", "desc": True},
    )
