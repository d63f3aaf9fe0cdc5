#!/usr/bin/env bash
# Both sides of the comparison in turn, on the same threads, and the ratio of their medians: ours / PyTorch's.
#   benches/against_torch.sh [WORK ...]
# PYTHON (python3) must have torch, and deepinv for the works of DiffUNet; THREADS (2), REPEATS (10), ROUNDS (3).
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3} threads=${THREADS:-2} repeats=${REPEATS:-10} rounds=${ROUNDS:-3}
works=("$@")
[ ${#works[@]} -gt 0 ] || works=(small-train small-sample diffunet-forward diffunet-train)
cargo build --release --quiet
results=$(mktemp)
trap 'rm -f "$results"' EXIT
for work in "${works[@]}"; do
    for _ in $(seq "$rounds"); do
        "$python" benches/torch_peer.py "$work" "$repeats" "$threads" | sed 's/^/torch /' >>"$results"
        target/release/diffuscope bench "$work" --repeats "$repeats" --threads "$threads" --json | sed 's/^/ours /' >>"$results"
    done
done
"$python" - "$results" <<'SUMMARY'
import json, statistics, sys
times = {}
for line in open(sys.argv[1]):
    side, text = line.split(" ", 1)
    result = json.loads(text)
    times.setdefault(result["work"], {}).setdefault(side, []).append(result["ms"])
print(f"{'work':<18} {'ours, ms':>10} {'torch, ms':>10} {'ratio':>6}")
for work, sides in times.items():
    ours, torch = (statistics.median(sides[side]) for side in ("ours", "torch"))
    print(f"{work:<18} {ours:>10.2f} {torch:>10.2f} {ours / torch:>6.2f}")
SUMMARY
