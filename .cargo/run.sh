#!/bin/sh
# Runs a test, bench or doctest binary with libtorch's folder on the loader's path.
d=$(dirname "$0")/..
# Tests run side by side: OpenMP's threads must not spin while they wait for each other.
OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE}
export OMP_WAIT_POLICY
LD_LIBRARY_PATH=${LIBTORCH:-$d/.libtorch}/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} exec "$@"
