"""Compare two API servers call by call: the same bytes to both, the answers field by field.

`calls` says what is sent, `normalise` takes out what may differ, `differences` finds what does, `listed` reads which
differences are known (docs/differences.md), `servers` runs the two, `pair` sends.
"""
