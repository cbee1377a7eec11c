"""HTTP cycle exporter: whether the exporter itself can be believed."""

import look
from grafana import OF_EXPORTERS, dashboard, job_variable, query_variable, source_variable
from panel import now, query
from panels import heat_map, lines, organised, stacked, stat, table
from promql import (
    INSTANCE, JOB, buckets, mean, one, or_zero, per_minute, quantile, rate, share,
)

LAG, OVERHEAD = "httpcycle_schedule_lag_seconds", "httpcycle_probe_overhead_seconds"
SKIPPED, PROBES = "httpcycle_probes_skipped_total", "httpcycle_probes_total"
OK = look.value_mappings({0: ("failed", "red"), 1: ("fine", "green")})
UP = look.value_mappings({0: ("down", "red"), 1: ("up", "green")})


def own(name, *more):
    """A selector of the chosen exporters."""
    return one(name, *more, of=INSTANCE)


def made():
    instance = query_variable(
        "instance", "Instance", f"label_values(httpcycle_targets{{{JOB}}}, instance)")
    return dashboard(
        "httpcycle-exporter", "HTTP cycle exporter",
        "Whether the exporters keep their schedule, how much of what they measure is their own, and "
        "what they need.",
        [source_variable(), job_variable(), instance],
        [
            (4, [(3, panel) for panel in numbers()]),
            (8, [(12, lag()), (12, lag_map())]),
            (8, [(12, overhead()), (12, overhead_share())]),
            "What is missing, and by whose clock",
            (8, [(12, skipped()), (12, fallbacks())]),
            (8, [(12, oldest()), (12, in_flight())]),
            "Shards",
            (8, [(8, shards_up()), (8, shard_targets()), (8, shards())]),
            "Resources and configuration",
            (8, [(8, memory()), (8, processor()), (8, files())]),
            (8, [(8, scrapes()), (8, reloads()), (8, builds())]),
        ],
        alerts=[OF_EXPORTERS],
    )


def numbers():
    """How the exporters are now."""
    missed, done = rate(SKIPPED, "", of=INSTANCE), rate(PROBES, "", of=INSTANCE)
    up = own("up")
    return [
        stat("Down", "Exporters that Prometheus cannot scrape.",
             or_zero(f"count({up} == 0)", up), "none", look.NONE_IS_GOOD),
        stat("Targets", "Targets that are probed.", f"sum({own('httpcycle_targets')})", "none",
             look.NEUTRAL),
        stat("Probes", "Probes a second.", done, "ops", look.NEUTRAL, graph=True),
        stat("Lag, p99", "How late all but one in a hundred probes start at most. A millisecond is the "
             "timer, tens of them mean that the machine is busy.",
             quantile(0.99, LAG, "", of=INSTANCE), "s", look.LATENESS, graph=True),
        stat("Skipped", "The share of the schedule that the exporters missed.",
             share(missed, f"({missed} + {done})"), "percentunit", look.LOST, graph=True),
        stat("Memory", "Resident memory of the largest exporter.",
             f"max({own('process_resident_memory_bytes')})", "bytes", look.NEUTRAL, graph=True),
        stat("Configuration", "Whether every exporter could read its configuration the last time. One that "
             "could not goes on with what it had.",
             f"min({own('httpcycle_config_last_reload_successful')})", "none",
             look.thresholds("red", (1, "green")), mappings=OK),
        stat("Read", "When the oldest configuration in use was read.",
             f"1000 * min({own('httpcycle_config_last_reload_success_timestamp_seconds')})",
             "dateTimeFromNow", look.NEUTRAL),
    ]


def lag():
    return lines(
        "Schedule lag", "How much later than intended probes start. Around a millisecond is the timer.",
        [query(quantile(q, LAG, "instance", of=INSTANCE), f"{{{{instance}}}} p{q * 100:.0f}")
         for q in (0.5, 0.99)],
        "s", steps=look.LATENESS,
    )


def lag_map():
    return heat_map("Schedule lag, distribution", "How late probes start, and how that moves.",
                    buckets(LAG, of=INSTANCE))


def overhead():
    return lines(
        "Overhead", "Time inside a probe that belongs to no phase: the exporter's own work and waiting for "
        "the processor. Phases do not hold it.",
        [query(mean(OVERHEAD, "instance", of=INSTANCE), "{{instance}} mean"),
         query(quantile(0.99, OVERHEAD, "instance", of=INSTANCE), "{{instance}} p99")],
        "s",
    )


def overhead_share():
    whole = rate("httpcycle_probe_duration_seconds_sum", "instance", of=INSTANCE)
    return lines(
        "Overhead's share of probes", "How much of the whole duration of probes is the exporter's own.",
        [query(share(rate(f"{OVERHEAD}_sum", "instance", of=INSTANCE), whole), "{{instance}}")],
        "percentunit",
    )


def skipped():
    return stacked(
        "Skipped slots by reason", "Slots of the schedule that the exporters missed, by why. "
        "No target is charged with them.",
        [query(per_minute(SKIPPED, "reason", of=INSTANCE), "{{reason}}")], "cpm", draw="bars",
    )


def fallbacks():
    ends = rate("httpcycle_phase_duration_seconds_count", "phase", of=INSTANCE)
    told = rate("httpcycle_clock_fallbacks_total", "phase", of=INSTANCE)
    return lines(
        "Ends of phases by the exporter's own clock", "The share of each phase whose end was not told by "
        "the kernel. From a few in a hundred on, a phase is as good as the exporter's turn at the processor.",
        [query(share(told, ends), "{{phase}}")], "percentunit", look.by_phase(),
    )


def oldest():
    waited = f"(time() - {own('httpcycle_last_probe_timestamp_seconds')})"
    return lines(
        "Longest wait for a probe", "How many of its intervals ago the last probe of the target ended that "
        "has waited longest. From 3 on its loop stands still.",
        [query(f"max by (instance) ({waited} / {own('httpcycle_probe_interval_seconds')})", "{{instance}}")],
        "none", steps=look.thresholds("green", (3, "red")),
    )


def in_flight():
    return lines("Probes in flight", "Probes that run at a moment.",
                 [query(own("httpcycle_probes_in_flight"), "{{instance}}")], "none")


def shards_up():
    each = "cluster, namespace, job"
    there = f'count_values by ({each}) ("shard", {own("httpcycle_shard_ordinal")})'
    return lines(
        "Shards that answer", "How many parts of the targets are probed, beside how many there are. "
        "Exporters that share nothing are one part each, and count as one.",
        [query(f"count by ({each}) ({there})", "{{cluster}} {{namespace}} {{job}} up"),
         query(f"max by ({each}) ({own('httpcycle_shards')})",
               "{{cluster}} {{namespace}} {{job}} of")],
        "none", [look.override("byRegexp", "/ of$/", color=look.fixed("red"))],
    )


def shard_targets():
    return lines(
        "Targets of each exporter", "Targets are split by their names, so that shards have about as many "
        "each.",
        [query(own("httpcycle_targets"), "{{instance}}")], "none",
    )


def shards():
    return table(
        "Shards", "Which part of the targets each exporter has, counted from 0.",
        [now(f"max by (job, instance) ({own('httpcycle_shard_ordinal')})", kind="table"),
         now(f"max by (job, instance) ({own('httpcycle_shards')})", kind="table"),
         now(f"max by (job, instance) ({own('httpcycle_targets')})", kind="table")],
        [{"id": "merge", "options": {}},
         organised({"instance": "Exporter", "Value #A": "Shard", "Value #B": "Of",
                    "Value #C": "Targets", "job": "Job"}, hidden=("Time",))],
    )


def memory():
    return lines(
        "Memory", "Resident and virtual memory.",
        [query(own("process_resident_memory_bytes"), "{{instance}} resident"),
         query(own("process_virtual_memory_bytes"), "{{instance}} virtual")],
        "bytes",
    )


def processor():
    return lines(
        "Processor", "Cores in use.",
        [query(rate("process_cpu_seconds_total", "instance", of=INSTANCE), "{{instance}}")], "none",
    )


def files():
    return lines(
        "File descriptors and threads", "Each probe in flight has a descriptor. At the limit, probes are "
        "skipped as fd_limit.",
        [query(own("process_open_fds"), "{{instance}} open"),
         query(own("process_max_fds"), "{{instance}} limit"),
         query(own("process_threads"), "{{instance}} threads")],
        "none",
        [look.override("byRegexp", "/ limit$/", color=look.fixed("red"))],
        scaleDistribution={"type": "log", "log": 10}, low=None,
    )


def scrapes():
    return lines(
        "Scrapes", "How long Prometheus waits for a page.",
        [query(own("scrape_duration_seconds"), "{{instance}}")], "s",
    )


def reloads():
    return table(
        "Configuration", "Whether each exporter could read its configuration the last time, and since "
        "when the one in use is.",
        [now(f"max by (job, instance) ({own('httpcycle_config_last_reload_successful')})", kind="table"),
         now("1000 * max by (job, instance) ("
             f"{own('httpcycle_config_last_reload_success_timestamp_seconds')})", kind="table"),
         now(f"max by (job, instance) ({own('httpcycle_targets')})", kind="table")],
        [{"id": "merge", "options": {}},
         organised({"instance": "Exporter", "Value #A": "Read", "Value #B": "Since",
                    "Value #C": "Targets", "job": "Job"}, hidden=("Time",))],
        [look.override("byName", "Read", mappings=OK, custom__displayMode="color-background"),
         look.override("byName", "Since", unit="dateTimeFromNow")],
    )


def builds():
    return table(
        "Versions", "What runs, and since when.",
        [now(f"max by (job, instance, version, revision) ({own('httpcycle_exporter_build_info')})",
             kind="table"),
         now(f"1000 * max by (job, instance) ({own('process_start_time_seconds')})", kind="table"),
         now(f"max by (job, instance) ({own('up')})", kind="table")],
        [{"id": "merge", "options": {}},
         organised({"instance": "Exporter", "Value #C": "Up", "version": "Version",
                    "revision": "Revision", "Value #B": "Started", "job": "Job"},
                   hidden=("Time", "Value #A"))],
        [look.override("byName", "Up", mappings=UP, custom__displayMode="color-background"),
         look.override("byName", "Started", unit="dateTimeFromNow")],
    )
