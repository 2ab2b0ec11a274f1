"""From evidence to verdict and explanation: what ended an attempt, why a run stands where it stands, what to do.

Everything here is a pure function of `Facts`: no I/O, no clock, no database. A rule knows one family of causes and
says nothing where its evidence is missing. How facts are gathered, and what is done about a verdict, does not belong
here.
"""
