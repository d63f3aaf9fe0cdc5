# `just` lists these; each is one cargo command that may as well be typed.

_default:
    @just --list

# Open the window
run *ARGS:
    cargo run --release -- {{ARGS}}

# Run all tests
test *ARGS:
    cargo test --release {{ARGS}}

# Format the sources
fmt:
    cargo fmt --all

# Check style and lints as the server does
lint:
    cargo fmt --all --check
    cargo clippy --release --all-targets --locked -- -D warnings

# All that is checked before a change is taken
ci:
    .ci/run

# Time the benchmarks
bench *ARGS:
    cargo bench {{ARGS}}

# Run the readers of strangers' files under libFuzzer, so many executions each
fuzz EXECUTIONS="100000" *TARGETS:
    tests/fuzz/run {{EXECUTIONS}} {{TARGETS}}

# Read the documentation of the sources
doc:
    cargo doc --no-deps --document-private-items --open
