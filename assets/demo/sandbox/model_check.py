"""Holds requests and answers against botocore's model of SageMaker.

botocore's own validator knows types, required members and minima. The service also enforces maxima, patterns and
enumerations, and so does this.
"""

import re

from botocore.loaders import Loader
from botocore.model import ServiceModel


class Invalid(Exception):
    """All that is wrong with a value, in the words of AWS."""


def service_model():
    return ServiceModel(Loader().load_service_model("sagemaker", "service-2"), "sagemaker")


def check(shape, value):
    """Raises `Invalid` if `value`, as JSON brought it, is not what `shape` describes."""
    problems = list(problems_of(shape, value, ""))
    if problems:
        count = f"{len(problems)} validation error{'s'[: len(problems) > 1]} detected"
        raise Invalid(f"{count}: {'; '.join(problems)}")


def problems_of(shape, value, path):
    kind = shape.type_name
    if kind == "structure":
        yield from problems_of_structure(shape, value, path)
    elif kind in ("list", "map"):
        yield from problems_of_many(shape, value, path)
    elif kind in ("boolean", "integer", "long", "float", "double", "timestamp"):
        yield from problems_of_number(shape, value, path)
    else:
        yield from problems_of_text(shape, value, path)


def problems_of_structure(shape, value, path):
    if not isinstance(value, dict):
        yield wrong(value, path, "Member must be a structure")
        return
    for name in shape.required_members:
        if value.get(name) is None:
            yield wrong("null", below(path, name), "Member must not be null")
    for name, member in value.items():
        if name not in shape.members:
            yield wrong(member, below(path, name), f"{shape.name} has no such member")
        elif member is not None:
            yield from problems_of(shape.members[name], member, below(path, name))


def problems_of_many(shape, value, path):
    is_list = shape.type_name == "list"
    if not isinstance(value, list if is_list else dict):
        yield wrong(value, path, f"Member must be a {shape.type_name}")
        return
    yield from out_of_bounds(shape, len(value), value, path, "have length")
    element = shape.member if is_list else shape.value
    members = enumerate(value, 1) if is_list else value.items()
    for name, member in members:
        yield from problems_of(element, member, f"{path}.{name}.member")


def problems_of_number(shape, value, path):
    kind = shape.type_name
    types = {"boolean": bool, "integer": int, "long": int}.get(kind, (int, float))
    if not isinstance(value, types) or (kind != "boolean" and isinstance(value, bool)):
        yield wrong(value, path, f"Member must be of type {kind}")
    elif kind != "boolean":
        yield from out_of_bounds(shape, value, value, path, "have value")


def problems_of_text(shape, value, path):
    if not isinstance(value, str):
        yield wrong(value, path, "Member must be of type string")
        return
    yield from out_of_bounds(shape, len(value), value, path, "have length")
    pattern = shape.metadata.get("pattern")
    if pattern and not re.fullmatch(python_pattern(pattern), value):
        yield wrong(value, path, f"Member must satisfy regular expression pattern: {pattern}")
    if shape.enum and value not in shape.enum:
        yield wrong(value, path, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")


def python_pattern(pattern):
    r"""Java's classes of letters, numbers and separators; \w also takes the underscore, which these patterns allow."""
    return pattern.replace(r"\p{L}", r"\w").replace(r"\p{N}", r"\w").replace(r"\p{Z}", r"\s")


def out_of_bounds(shape, size, value, path, what):
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield wrong(value, path, f"Member must {what} greater than or equal to {least}")
    if most is not None and size > most:
        yield wrong(value, path, f"Member must {what} less than or equal to {most}")


def below(path, name):
    name = name[0].lower() + name[1:]
    return f"{path}.{name}" if path else name


def wrong(value, path, constraint):
    return f"Value '{value}' at '{path}' failed to satisfy constraint: {constraint}"
