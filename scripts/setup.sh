#!/bin/sh
# Brings a fresh clone to where scripts/*.ts can run: the npm packages, among them Node 24, which runs the rest. It must
# itself need no more than a shell, npm and the Node that came with it. Quick and silent when nothing is missing.
set -eu
cd "$(dirname "$0")/.."
if [ ! -x node_modules/.bin/node ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo 'setup: installing the npm packages of package-lock.json' >&2
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
fi
exec node_modules/.bin/node scripts/setup.ts
