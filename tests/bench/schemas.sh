#!/usr/bin/env bash
# Checks 500 random manifests against the schema of Argo Workflows, if its validator is beside this checkout.
set -euo pipefail
python=$1
validator=../shared/validators/argo_schema.py
if [ ! -f "$validator" ]; then
    echo "skipped: $validator is not there"
    exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
COULER_SAMPLE_DIR="$folder" cargo test --locked --lib engine:: -- --quiet
echo "$(ls "$folder"/*.yaml | wc -l) manifests"
"$python" "$validator" "$folder"/*.yaml
