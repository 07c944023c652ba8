#!/bin/sh
# The password of PostgreSQL comes from a file, so that it stands in no image, Compose file or process list.
set -eu
if [ -n "${PGPASSWORD_FILE:-}" ]; then
  PGPASSWORD="$(cat "$PGPASSWORD_FILE")"
  export PGPASSWORD
fi
exec serendip "$@"
