"""Paper trading: the simulated venue behind the interfaces of a real one, on generated or recorded bars."""
