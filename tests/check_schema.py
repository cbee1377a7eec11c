"""Reads {"schema": ..., "documents": [text of YAML, ...]} from standard input, and writes for each
document what is wrong with it by the schema: a list of strings, empty if nothing is."""

import io
import json
import sys

from check_jsonschema.parsers.yaml import construct_yaml_implementation, impl2loader
from jsonschema import Draft7Validator

asked = json.load(sys.stdin)
Draft7Validator.check_schema(asked["schema"])
validator = Draft7Validator(asked["schema"])
load = impl2loader(construct_yaml_implementation())


def wrong_with(text):
    try:
        document = load(io.BytesIO(text.encode()))
    except Exception as error:
        return [f"no YAML: {error}"]
    return [error.message for error in validator.iter_errors(document)]


json.dump([wrong_with(text) for text in asked["documents"]], sys.stdout)
