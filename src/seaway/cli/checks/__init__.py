"""What `seaway doctor` looks at: a function for each thing, which takes what it needs and returns what it found."""
