"""What things are: pure types and rules, standard library only, no input or output."""
