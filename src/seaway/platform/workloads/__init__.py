"""A task's attempt as a Pod, and a Pod as what is known of an attempt: both directions, pure.

Nothing else in the platform knows the shape of a Pod that Seaway makes. No I/O, no clock, no policy: what to do about an
observation is the engine's business, what it means is diagnosis'.
"""
