#!/bin/sh
# Reads Prefect's authentication from the file that a ..._FILE variable names, then runs the command.
set -eu
for name in PREFECT_SERVER_API_AUTH_STRING PREFECT_API_AUTH_STRING; do
    eval "file=\${${name}_FILE:-}"
    if [ -n "$file" ]; then
        eval "$name=\$(cat \"\$file\")"
        export "${name?}"
    fi
done
exec "$@"
