"""The simulated venue: takes the engine's commands and answers with events, as a real venue would. Pure and compiled."""
