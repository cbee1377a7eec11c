"""Reads objects of Kubernetes as YAML from standard input; writes {"objects": [...], "wrong": [...]} as
JSON, the latter what is wrong with them by the schemas of their kinds and versions.

Arguments: the versions of Kubernetes whose kinds they are held against."""

import json
import sys

import jsonschema
import kubernetes_validate
import yaml

# As in the CustomResourceDefinitions of prometheus-operator 0.80, of the fields that are used.
DURATION = {
    "type": "string",
    "pattern": "^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$",
}
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}


def closed(required, **properties):
    return {
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": False,
    }


NAME = {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", "maxLength": 253}
METADATA = closed(["name"], name=NAME, namespace=NAME, labels=TEXTS, annotations=TEXTS)
RULE = {
    **closed(
        ["expr"],
        record={"type": "string"},
        alert={"type": "string"},
        expr={"type": ["string", "integer"]},
        **{"for": DURATION},
        keep_firing_for={**DURATION, "minLength": 1},
        labels=TEXTS,
        annotations=TEXTS,
    ),
    "oneOf": [{"required": ["record"]}, {"required": ["alert"]}],
}
GROUP = closed(
    ["name"],
    name={"type": "string", "minLength": 1},
    interval=DURATION,
    labels=TEXTS,
    limit={"type": "integer"},
    query_offset=DURATION,
    rules={"type": "array", "items": RULE},
)
ENDPOINT = closed(
    [],
    port={"type": "string"},
    path={"type": "string"},
    interval=DURATION,
    scrapeTimeout=DURATION,
)
OPERATOR = {
    "PrometheusRule": closed(["groups"], groups={"type": "array", "items": GROUP}),
    "ServiceMonitor": closed(
        ["endpoints", "selector"],
        jobLabel={"type": "string"},
        selector=closed([], matchLabels=TEXTS),
        endpoints={"type": "array", "items": ENDPOINT},
    ),
}


def wrong_with(thing, versions):
    kind, version = thing["kind"], thing["apiVersion"]
    if version == "monitoring.coreos.com/v1":
        schema = closed(
            ["apiVersion", "kind", "metadata", "spec"],
            apiVersion={"const": version},
            kind={"type": "string"},
            metadata=METADATA,
            spec=OPERATOR[kind],
        )
        for error in jsonschema.Draft202012Validator(schema).iter_errors(thing):
            yield f"{kind}: {error.json_path}: {error.message}"
        groups = [group["name"] for group in thing["spec"].get("groups", [])]
        if len(set(groups)) < len(groups):
            yield f"{kind}: two groups of one name"
        return
    for wanted in versions:
        try:
            kubernetes_validate.validate(thing, wanted, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{kind} by {wanted}: {error.message}"


objects = list(yaml.safe_load_all(sys.stdin))
wrong = [line for thing in objects for line in wrong_with(thing, sys.argv[1:])]
json.dump({"objects": objects, "wrong": wrong}, sys.stdout)
