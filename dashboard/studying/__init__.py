"""What the two study pages share: their choices, their controls, their figures."""
