"""What tests and benchmarks work with: `recipes/` make inputs, `servers/` stand in for others, and
`rig/` starts the platform."""
