"""The engine: pure, typed and deterministic; compiled with mypyc when a C compiler is there."""
