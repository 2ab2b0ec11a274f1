"""The Common Expression Language as Kubernetes has it: compiling, checking and evaluating expressions.

Pure: what an expression sees is given to it. The language itself is cel-expr-python, which is imported when the first
expression is compiled; here is what Kubernetes adds to it: functions, names, limits and words.
"""
