"""Metric values that stores of the target cannot keep, and what they keep instead."""

import sys

LARGEST = repr(sys.float_info.max)
# SQL stores keep an infinity as the largest number, and know no negative zero.
SAME = {"inf": LARGEST, "-inf": "-" + LARGEST, "-0.0": "0.0"}


def number(text):
    return SAME.get(text, text)


def model_number(text):
    """A logged model's metrics know no NaN either."""
    return "0.0" if text == "nan" else number(text)


def numbers(values):
    return {key: number(value) for key, value in values.items()}


def points(history):
    return {(timestamp, step, number(value)) for timestamp, step, value in history}
