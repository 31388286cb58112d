#!/bin/sh
# Runs a test, bench or doctest binary with libtorch's folder on the loader's path.
d=$(dirname "$0")/..
LD_LIBRARY_PATH=${LIBTORCH:-$d/.libtorch}/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} exec "$@"
