"""Many small runs under random faults: what is run, what strikes, who watches, what must hold. A file for each."""
