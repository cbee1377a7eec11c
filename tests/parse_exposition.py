"""Reads a page from standard input with the parser of prometheus_client for the format named by the
argument (text or openmetrics) and writes one line a sample: name, labels, value, separated by tabs,
label values in hexadecimal, so that whatever they hold stays on its line."""

import sys

from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics

parsers = {
    "text": parser.text_string_to_metric_families,
    "openmetrics": openmetrics.text_string_to_metric_families,
}
page = sys.stdin.buffer.read().decode("utf-8")
for family in parsers[sys.argv[1]](page):
    for sample in family.samples:
        labels = ",".join(
            f"{name}={value.encode('utf-8').hex()}"
            for name, value in sorted(sample.labels.items())
        )
        print(sample.name, labels, float(sample.value), sep="\t")
