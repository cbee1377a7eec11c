"""The queries that panels share: every series is chosen by the variables, and summed over the
exporters that tell of one target, so that a target may move between them."""

# The label sets by which series are chosen.
JOB = 'job=~"$job"'
TARGET = JOB + ', target=~"$target"'
INSTANCE = JOB + ', instance=~"$instance"'

# What makes a target, also where two jobs have one of the same name.
EACH = "job, target"

PHASES = ("dns", "connect", "tls", "send", "first_byte", "transfer")

# From this z-score on a target is unusual. What a spike is, the alert decides, by the window.
UNUSUAL = 2.5

# Alerts of exporters have no target and belong to every choice of targets.
FIRING = f'ALERTS{{alertname=~"HttpCycle.*", alertstate="firing", {JOB}, target=~"|$target"}}'
FIRING_TARGET = f'ALERTS{{alertname=~"HttpCycle.*", alertstate="firing", {TARGET}}}'
SPIKING = f'ALERTS{{alertname="HttpCycleConflictSpike", alertstate="firing", {TARGET}}}'
FIRING_EXPORTER = f'ALERTS{{alertname=~"HttpCycle.*", alertstate="firing", {JOB}, target=""}}'


def one(name, *more, of=TARGET):
    """A selector of the chosen series of a metric."""
    return f"{name}{{{', '.join((of, *more))}}}"


def summed(by, expr):
    """A sum by some labels, or of everything."""
    return f"sum by ({by}) ({expr})" if by else f"sum({expr})"


def rate(name, by, *more, of=TARGET):
    """Events a second."""
    return summed(by, f"rate({one(name, *more, of=of)}[$__rate_interval])")


def per_minute(name, by, *more, of=TARGET):
    """Events a minute: targets that are probed every 15 s have few a second."""
    return f"60 * {rate(name, by, *more, of=of)}"


def during(name, by, *more):
    """Events in the whole of the time that is shown, the same at each of its points."""
    return summed(by, f"increase({one(name, *more)}[$__range] @ end())")


def share(part, whole):
    """A ratio that is absent, and not NaN, where there is nothing to be a share of."""
    return f"{part}\n/ ({whole} > 0)"


def mean(histogram, by, *more, of=TARGET):
    """The mean of what a histogram saw."""
    return share(
        rate(f"{histogram}_sum", by, *more, of=of), rate(f"{histogram}_count", by, *more, of=of)
    )


def quantile(q, histogram, by, *more, of=TARGET):
    """A quantile of what a histogram saw."""
    labels = f"{by}, le" if by else "le"
    return f"histogram_quantile({q}, {rate(f'{histogram}_bucket', labels, *more, of=of)})"


def buckets(histogram, *more, of=TARGET):
    """A histogram over time, as Grafana's heat map wants it."""
    return f"sum by (le) (increase({one(f'{histogram}_bucket', *more, of=of)}[$__rate_interval]))"


def or_zero(counted, of):
    """A count that is 0 where nothing is counted, but absent where there is nothing to count."""
    return f"{counted}\nor 0 * count({of})"


CONFLICTS = "httpcycle_conflicts_total"
RESPONSES = "httpcycle_responses_total"
UNEXPECTED = 'expected="false"'

# The recorded series of alerts/: what is usual for a target, and how far off it is.
RATIO = one("target:httpcycle_conflicts_per_responses:ratio")
BASELINE = one("target:httpcycle_conflicts_per_responses:baseline")
CEILING = one("target:httpcycle_conflicts_per_responses:ceiling")
ZSCORE = one("target:httpcycle_conflicts:zscore")
ZSCORES = one("target_window:httpcycle_conflicts:zscore")


def raw_ratio(by):
    """Unexpected conflicts a response, straight from the counters."""
    return share(rate(CONFLICTS, by, UNEXPECTED), rate(RESPONSES, by))


def known_usual(at=""):
    """0 for every target of which the rules know what is usual: without conflicts it has no z-score."""
    return f"0 * max by ({EACH}) ({BASELINE}{at})"


# Long windows keep their z-score long after a spike: it counts while the latest responses are unusual.
UNUSUALNESS = f"max by ({EACH}) ({ZSCORE} and {RATIO} > {BASELINE})"

# The highest z-score of the time that is shown, the same at each of its points, so that these have
# the same targets. Where there is none, those with conflicts come first.
HIGHEST = (
    f"max by ({EACH}) (max_over_time({ZSCORE}[$__range] @ end()))\n"
    f"  or on ({EACH}) {known_usual(' @ end()')}\n"
    f"  or on ({EACH}) {during(CONFLICTS, EACH, UNEXPECTED)}\n"
    f"  or on ({EACH}) 0 * max by ({EACH}) ({one('httpcycle_target_info')} @ end())"
)


def state():
    """0 normal, 1 unusual, 2 a spike; 3 where there are conflicts and no rules to judge them."""
    return (
        f"(\n  2 * max by ({EACH}) ({SPIKING})\n"
        f"  or on ({EACH}) ({UNUSUALNESS} >= bool {UNUSUAL})\n"
        f"  or on ({EACH}) {known_usual()}\n"
        f"  or on ({EACH}) 3 * ({raw_ratio(EACH)} > bool 0)\n"
        f"  or on ({EACH}) 0 * max by ({EACH}) ({one('httpcycle_target_info')})\n)\n"
        f"and on ({EACH}) topk(20,\n  {HIGHEST}\n)"
    )
