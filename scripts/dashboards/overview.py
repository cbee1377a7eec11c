"""HTTP cycle overview: which targets conflict now, and what goes on in all of them."""

import look
from grafana import dashboard, job_variable, labels_variable, source_variable, target_variable
from overview_table import targets_table
from panel import now, query, to_exporter, to_target
from panels import bars, lines, organised, stacked, stat, table, timeline
from promql import (
    BASELINE, CEILING, CONFLICTS, EACH, FIRING, HIGHEST, JOB, PHASES, RATIO, RESPONSES, SPIKING,
    UNEXPECTED, UNUSUALNESS, during, known_usual, one, or_zero, per_minute, rate, raw_ratio, share,
    state,
)

NO_RULES = "needs alerts/*.yml"
TARGETS = one("httpcycle_target_info")


def made():
    return dashboard(
        "httpcycle-overview", "HTTP cycle overview",
        "Which targets answer with conflicts now, how unusual that is for each, and what else goes on.",
        [source_variable(), job_variable(), target_variable(multi=True), labels_variable()],
        [
            (4, [(3, panel) for panel in numbers()]),
            (8, [(8, most_unusual()), (16, states())]),
            (8, [(16, ratio_in_band()), (8, firing_alerts())]),
            "Answers and phases",
            (9, [(12, codes()), (12, phases())]),
            (9, [(12, conflicts()), (12, failures())]),
            "All of them",
            (12, [(24, targets_table())]),
        ],
    )


def numbers():
    """What is to be seen first: how many of what is bad."""
    spikes = or_zero(f"count(max by ({EACH}) ({SPIKING}))", BASELINE)
    conflicting = or_zero(f"count({rate(CONFLICTS, EACH, UNEXPECTED)} > 0)", TARGETS)
    failing = or_zero(
        f"count(min by ({EACH}) ({one('httpcycle_probe_success')}) == 0)", TARGETS
    )
    left = f"(min({one('httpcycle_tls_earliest_cert_expiry_timestamp_seconds')}) - time()) / 86400"
    return [
        stat("Spikes", "Targets with far more unexpected conflicts than is usual for them, for which "
             "HttpCycleConflictSpike fires. Needs the rules in alerts/.",
             spikes, "none", look.NONE_IS_GOOD, noValue=NO_RULES),
        stat("Conflicting", "Targets that answered with an unexpected conflict within the last moments, "
             "usual or not. Needs no rules.",
             conflicting, "none", look.FEW_ARE_GOOD),
        stat("Conflict ratio", "Unexpected conflicts a response, over all chosen targets. Needs no rules.",
             raw_ratio(""), "percentunit", look.RATIO, graph=True, min=0),
        stat("Alerts", "Alerts of HTTP cycle that fire, those about exporters included. "
             "Needs the rules in alerts/; without them it stays at 0.",
             or_zero(f"count({FIRING})", TARGETS), "none", look.NONE_IS_GOOD),
        stat("Failing", "Targets whose last probe failed. An unexpected conflict is a failure too.",
             failing, "none", look.FEW_ARE_GOOD),
        stat("Probed", "Targets that are probed and chosen above.",
             f"count(count by ({EACH}) ({TARGETS}))", "none", look.NEUTRAL),
        stat("Next certificate", "Time until the first certificate of a target expires.",
             left, "d", look.DAYS_LEFT, noValue="no TLS", decimals=0),
        stat("Exporters down", "Exporters of the chosen jobs that Prometheus cannot scrape. "
             "Their targets are not watched.",
             or_zero(f"count(up{{{JOB}}} == 0)", f"up{{{JOB}}}"), "none",
             look.NONE_IS_GOOD, links=to_exporter()),
    ]


def most_unusual():
    return bars(
        "Most unusual now",
        "How many standard deviations the unexpected conflicts of a target are above what is usual for "
        "it. From 2.5 it is unusual, around 4 a spike. Needs the rules in alerts/.",
        now(f"topk(8, {UNUSUALNESS} or on ({EACH}) {known_usual()})", "{{target}}"), "none", look.UNUSUALNESS,
        max=10, decimals=1, noValue=NO_RULES, links=to_target(),
    )


def states():
    return timeline(
        "Normal, unusual, spike",
        "The twenty targets that were most unusual within the time shown. Unusual is a z-score of 2.5 or "
        "more, a spike is what HttpCycleConflictSpike fires for. Without the rules in alerts/ "
        "it shows who answered with unexpected conflicts.",
        state(), look.STATES, to_target(),
    )


def ratio_in_band():
    band = [
        query(f"{recorded}\nand on ({EACH}) topk(1,\n  {HIGHEST}\n)", legend)
        for recorded, legend in (
            (RATIO, "most unusual: {{target}}"), (CEILING, "at most usual for it"),
            (BASELINE, "usual for it"),
        )
    ]
    most = f"topk(10, {during(CONFLICTS, EACH, UNEXPECTED)})"
    raw = query(f"{raw_ratio(EACH)}\nand on ({EACH}) {most}", "{{target}}")
    return lines(
        "Conflict ratio and what is usual",
        "Unexpected conflicts a response. Thin: the ten targets with the most of them within the time "
        "shown, straight from the counters. Thick: the one that was most unusual, over as many "
        "responses as it takes to tell, and in blue what is usual for that one. Thick line and band "
        "need the rules in alerts/.",
        [*band, raw], "percentunit", banded("/^most unusual: /", "at most usual for it", "usual for it"),
        links=to_target(), axisSoftMax=0.1,
    )


def banded(ratio, ceiling, baseline):
    """A thick line in a band between two others."""
    return [
        look.override("byRegexp", ratio, color=look.fixed("red"), custom__lineWidth=3),
        look.override("byName", ceiling, color=look.fixed("blue"), custom__fillBelowTo=baseline,
                      custom__fillOpacity=25, custom__lineWidth=0, custom__showPoints="never"),
        look.override("byName", baseline, color=look.fixed("blue"), custom__fillOpacity=0,
                      custom__lineWidth=1, custom__showPoints="never"),
    ]


def firing_alerts():
    return table(
        "Firing alerts", "Alerts of HTTP cycle that fire at the end of the time shown. "
        "Needs the rules in alerts/; no data means that none fires.",
        [now(f"max by (alertname, severity, {EACH}) ({FIRING})", kind="table")],
        [organised({"severity": "Severity", "alertname": "Alert", "target": "Target", "job": "Job"},
                   hidden=("Time", "Value"))],
        [look.override("byName", "Severity", custom__displayMode="color-background",
                       custom__width=90, mappings=look.value_mappings(
                           {"critical": ("critical", "red"), "warning": ("warning", "orange"),
                            "info": ("info", "blue")})),
         look.override("byName", "Target", links=to_target("__data.fields."))],
    )


def codes():
    return stacked(
        "Status codes", "Final responses by status code. Conflicts are red.",
        [query(per_minute(RESPONSES, "code"), "{{code}}")], "cpm", look.by_code(), draw="bars",
    )


def phases():
    probes = rate("httpcycle_probes_total", "")
    return stacked(
        "Phases of the mean probe",
        "How long a probe spends in each phase in the mean, over all chosen targets. The phases add up "
        "to the time that targets take; the exporter's own is not in it.",
        [query(share(rate("httpcycle_phase_duration_seconds_sum", "", f'phase="{phase}"'), probes), phase)
         for phase in PHASES],
        "s", look.by_phase(),
    )


def conflicts():
    return stacked(
        "Unexpected conflicts by target", "Unexpected conflicts of the twenty targets that had the most "
        "of them within the time shown.",
        [query(f"{per_minute(CONFLICTS, EACH, UNEXPECTED)}\n"
               f"and on ({EACH}) topk(20, {during(CONFLICTS, EACH, UNEXPECTED)})", "{{target}}")],
        "cpm", draw="bars", links=to_target(),
    )


def failures():
    return stacked(
        "Failures by phase and reason",
        "Probes that failed, by where and why. An unexpected conflict fails as validate: status.",
        [query(per_minute("httpcycle_probe_failures_total", "phase, reason"), "{{phase}}: {{reason}}")],
        "cpm", draw="bars",
    )
