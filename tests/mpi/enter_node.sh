#!/bin/sh
# What mpiexec takes for ssh: `enter_node.sh -x 10.99.0.2 command ...` runs it in that namespace.
while [ "${1#-}" != "$1" ]; do shift; done
node=tinydldl${1##*.}; shift
exec ip netns exec "$node" sh -c "$*"
