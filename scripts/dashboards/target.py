"""HTTP cycle target: everything about one target."""

import look
from grafana import (
    dashboard, job_variable, labels_variable, query_variable, source_variable, target_variable,
)
from overview import NO_RULES, banded
from overview_table import seen_most
from panel import now, query
from panels import heat_map, lines, organised, stacked, stat, table
from promql import (
    BASELINE, CEILING, CONFLICTS, EACH, HIGHEST, PHASES, RATIO, RESPONSES, TARGET, UNUSUALNESS,
    ZSCORES, buckets, known_usual, mean, one, per_minute, quantile, rate, raw_ratio, share,
)

HISTOGRAM = "httpcycle_phase_duration_seconds"
EXPIRY = f"(min({one('httpcycle_tls_earliest_cert_expiry_timestamp_seconds')}) - time()) / 86400"


def made():
    return dashboard(
        "httpcycle-target", "HTTP cycle target",
        "One target: its conflicts against what is usual for it, where its time goes, its answers, "
        "failures and certificate. With all targets chosen, what they do together.",
        [source_variable(), job_variable(), target_variable(multi=False), phase_variable(),
         labels_variable()],
        [
            (4, [(3, panel) for panel in numbers()]),
            (8, [(12, ratio_in_band()), (12, phases())]),
            (8, [(12, quantiles()), (12, codes())]),
            "Distribution and conflicts",
            (9, [(12, distribution()), (12, zscores())]),
            (8, [(12, by_reason()), (12, by_expectation())]),
            "Failures and what was configured",
            (8, [(12, failures()), (12, skipped())]),
            (8, [(12, certificate()), (12, body())]),
            (6, [(24, configured())]),
        ],
    )


def phase_variable():
    """The phase of the heat map."""
    query = f"label_values({HISTOGRAM}_count{{{TARGET}}}, phase)"
    chosen = {"selected": False, "text": "first_byte", "value": "first_byte"}
    return query_variable("phase", "Phase", query, multi=False, all_values=False, current=chosen)


def numbers():
    """How the target is now."""
    in_phases = share(rate(f"{HISTOGRAM}_sum", ""), rate("httpcycle_probes_total", ""))
    skipped, probes = rate("httpcycle_probes_skipped_total", ""), rate("httpcycle_probes_total", "")
    return [
        stat("Z-score", "How many standard deviations the unexpected conflicts are above what is usual for the "
             "target. From 2.5 it is unusual, around 4 a spike. Needs the rules in alerts/.",
             f"max({UNUSUALNESS} or on ({EACH}) {known_usual()})", "none", look.UNUSUALNESS, graph=True, decimals=1,
             noValue=NO_RULES),
        stat("Conflict ratio", "Unexpected conflicts a response. Needs no rules.",
             raw_ratio(""), "percentunit", look.RATIO, graph=True, min=0),
        stat("Last probe", "Whether the last probe succeeded.",
             f"min({one('httpcycle_probe_success')})", "none", look.thresholds("red", (1, "green")),
             mappings=look.value_mappings({0: ("failed", "red"), 1: ("fine", "green")})),
        stat("Code", "The status code that came most often of late.",
             f"topk(1, {seen_most('$__rate_interval')})\nor on () topk(1, {seen_most('$__range')})",
             "none", look.NEUTRAL, text="name", legend="{{code}}"),
        stat("Mean in phases", "How long the target takes in the mean, without the exporter's own time.",
             in_phases, "s", look.NEUTRAL, graph=True),
        stat("Interval", "The configured time between two probes.",
             f"max({one('httpcycle_probe_interval_seconds')})", "s", look.NEUTRAL),
        stat("Certificate", "Time until the first certificate of the chain expires.",
             EXPIRY, "d", look.DAYS_LEFT, noValue="no TLS", decimals=0),
        stat("Skipped", "The share of probes that the exporter itself missed: what is not known.",
             share(skipped, f"({skipped} + {probes})"), "percentunit", look.LOST),
    ]


def ratio_in_band():
    return lines(
        "Conflict ratio and what is usual",
        "Unexpected conflicts a response. Red: over as many responses as it takes to tell; blue: what is "
        "usual for this target, or of all targets the most unusual; grey: straight from the counters. Red "
        "and blue need the rules in alerts/.",
        [*(query(f"max({recorded} and on ({EACH}) topk(1,\n  {HIGHEST}\n))", legend)
           for recorded, legend in ((RATIO, "ratio"), (CEILING, "at most usual"), (BASELINE, "usual"))),
         query(raw_ratio(""), "counted")],
        "percentunit",
        [*banded("/^ratio$/", "at most usual", "usual"),
         look.override("byName", "counted", color=look.fixed("#8e8e8e"))],
        axisSoftMax=0.1,
    )


def phases():
    return stacked(
        "Phases", "The waterfall of a probe over time: the mean of each phase, one on top of the other, "
        "in the order in which they happen.",
        [query(mean(HISTOGRAM, "", f'phase="{phase}"'), phase) for phase in PHASES],
        "s", look.by_phase(), table=True,
    )


def quantiles():
    return lines(
        "Phases, median and slowest percent",
        "Half of all probes took less than p50 in a phase, all but one in a hundred less than p99.",
        [query(quantile(0.5, HISTOGRAM, "phase"), "{{phase}} p50"),
         query(quantile(0.99, HISTOGRAM, "phase"), "{{phase}} p99")],
        "s",
        [*look.by_phase(" p[0-9]+"), look.override(
            "byRegexp", "/ p50$/", custom__lineStyle={"fill": "dash", "dash": [6, 6]})],
        table=True,
    )


def codes():
    return stacked(
        "Status codes", "Final responses by status code. Conflicts are red.",
        [query(per_minute(RESPONSES, "code"), "{{code}}")], "cpm", look.by_code(), draw="bars",
    )


def distribution():
    return heat_map(
        "Heat map of $phase", "How the durations of the chosen phase are distributed, and how that moves.",
        buckets(HISTOGRAM, 'phase=~"$phase"'),
    )


def zscores():
    return lines(
        "Z-scores by window", "How unusual conflicts are, looked at over windows of several lengths: "
        "short ones see a spike first, long ones what creeps up, and remember it longer. A window without "
        "more conflicts than usual has none. Needs the rules in alerts/.",
        [query(f"max by (window) ({ZSCORES})", "{{window}}")], "none", steps=look.UNUSUALNESS, low=None,
    )


def by_reason():
    return stacked(
        "Conflicts by reason", "Conflicts, expected or not, by the reason that the response gave.",
        [query(per_minute(CONFLICTS, "reason"), "{{reason}}")], "cpm", draw="bars",
    )


def by_expectation():
    return stacked(
        "Conflicts, expected and not", "A conflict is expected if the module lists its code as valid.",
        [query(per_minute(CONFLICTS, "expected"), "{{expected}}")], "cpm",
        [look.override("byName", "true", color=look.fixed("blue"), displayName="expected"),
         look.override("byName", "false", color=look.fixed("red"), displayName="unexpected")],
        draw="bars",
    )


def failures():
    return stacked(
        "Failures by phase and reason",
        "Probes that failed, by where and why. An unexpected conflict fails as validate: status.",
        [query(per_minute("httpcycle_probe_failures_total", "phase, reason"), "{{phase}}: {{reason}}")],
        "cpm", draw="bars",
    )


def skipped():
    return stacked(
        "Skipped by the exporter", "Slots of the schedule that the exporter missed, by why. "
        "The target is not charged with them.",
        [query(per_minute("httpcycle_probes_skipped_total", "reason"), "{{reason}}")], "cpm", draw="bars",
    )


def certificate():
    return lines(
        "Certificate", "Time until the first certificate of the chain expires; below 0 it has.",
        [query(EXPIRY, "days left")], "d", steps=look.DAYS_LEFT, low=None,
    )


def body():
    return lines(
        "Size of the body", "Bytes of the last response's body that arrived.",
        [query(f"max({one('httpcycle_response_body_bytes')})", "body")], "bytes",
    )


def configured():
    return table(
        "As configured", "How the target is probed, by which exporters, and its labels.",
        [now(one("httpcycle_target_info"), kind="table")],
        [organised({"target": "Target", "url": "URL", "method": "Method", "module": "Module",
                    "interval": "Interval", "job": "Job", "instance": "Exporter"},
                   hidden=("Time", "Value", "__name__"))],
    )
