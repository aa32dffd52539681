#!/bin/sh
PYTHONPATH="${0%/*}" exec /usr/bin/python3 "$@"
